/*
 * Points on their way from a log to the database: told in batches, kept until they are acknowledged.
 * A cursor is the number of bytes of all points up to there, as points.h writes them.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/strbuf.h"
#include "trial-runner/backend.h"

struct point_queue {
	struct strbuf text;             /* from `acked` on */
	uint64_t acked, told;
};

struct point_batch {
	struct run_point points[RUN_POINTS_BATCH];
	size_t n;
	enum run_source source;
	uint64_t cursor;
	char *text;                     /* what the points borrow */
};

void point_queue_init(struct point_queue *q);
void point_queue_free(struct point_queue *q);
void point_queue_add(struct point_queue *q, enum run_source source, const struct run_point *p);
/* The next points that may be told now, or NULL; to be freed by point_batch_free(). */
struct point_batch *point_queue_tell(struct point_queue *q);
void point_batch_free(struct point_batch *b);
void point_queue_ack(struct point_queue *q, uint64_t cursor);
bool point_queue_empty(const struct point_queue *q);    /* all is acknowledged */
/* So much waits that no more should be read. */
bool point_queue_full(const struct point_queue *q);
