/*
 * Worker threads for pure computations.
 *
 * A job owns copies of all that it reads; it touches no live object, no socket and no clock. run()
 * executes on a worker, done() on the loop thread. Results are matched by the ids that the job
 * carries, never by a pointer to something that may be gone.
 *
 * Locking law: the queue's mutex and the done list's mutex are never held at the same time, and no
 * callback runs under either.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"

struct loop;
struct work_pool;

struct work_job {
	void (*run)(struct work_job *job);      /* on a worker; polls `cancel`          */
	void (*done)(struct work_job *job);     /* on the loop; frees the job           */
	atomic_bool cancel;                     /* set by work_cancel()                 */
	struct work_job *next;                  /* the pool's                           */
	bool ran;                               /* false in done(): cancelled unstarted */
};

struct work_pool *work_pool_new(struct loop *l, unsigned threads, size_t queue_max);
/* Asks every job to stop, waits for the threads, calls done() for each. */
void work_pool_free(struct work_pool *p);
bool work_submit(struct work_pool *p, struct work_job *job) MUSTCHECK;   /* false: the queue is full */
void work_cancel(struct work_pool *p, struct work_job *job);             /* done() still comes       */
size_t work_depth(const struct work_pool *p);
