/*
 * A few pipelined connections: a unit goes to the least loaded one that is ready, or, if it has an
 * affinity, to the one that its affinity names, so that the writes of one experiment keep their order.
 * (While that connection is away they go to the next; the statements' own fences hold in any order.)
 * The queue is bounded: beyond it units fail with ERR_SLOW_DOWN, later and not from inside the call.
 */
#pragma once
#include "server/store/pg.h"

struct pgpool;

struct pgpool_config {
	struct event_base *base;
	const char *conninfo, *application;     /* copied */
	unsigned connections;
	size_t queue_max;                       /* units in all; 0 = 1024 a connection */
	int64_t wait_us;                        /* see pg.h; 0 = 10 s */
	void (*fatal)(void *ctx, const struct err *e);
	void *ctx;
};

struct pgpool *pgpool_new(const struct pgpool_config *config);
void pgpool_free(struct pgpool *p);
void pgpool_submit(struct pgpool *p, struct pg_unit *u);
unsigned pgpool_ready(const struct pgpool *p);
size_t pgpool_queued(const struct pgpool *p);
size_t pgpool_sent(const struct pgpool *p);
struct pg_counters pgpool_counters(const struct pgpool *p);
int pgpool_backend_pid(const struct pgpool *p, unsigned i);     /* for tests */
