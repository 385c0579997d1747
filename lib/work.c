#include "lib/work.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/loop.h"
#include "lib/mem.h"

struct queue {
	pthread_mutex_t lock;
	struct work_job *first, **end;
	size_t n;
};

struct work_pool {
	struct queue todo;         /* loop -> workers                          */
	pthread_cond_t more;       /* with todo.lock                           */
	bool closing;              /* under todo.lock                          */
	struct work_job **running; /* per worker, NULL = idle; under todo.lock */
	struct queue finished;     /* workers -> loop                          */
	int eventfd;               /* readable: `finished` is not empty        */
	struct loop_watch *watch;
	size_t queue_max;
	size_t depth; /* submitted and not yet done(): the loop's */
	unsigned n_threads;
	struct work_thread {
		struct work_pool *pool;
		pthread_t id;
	} threads[];
};

static void queue_init(struct queue *q)
{
	pthread_mutex_init(&q->lock, NULL);
	q->end = &q->first;
}

static void queue_add(struct queue *q, struct work_job *job)
{
	job->next = NULL;
	*q->end = job;
	q->end = &job->next;
	q->n++;
}

static struct work_job *queue_pop(struct queue *q)
{
	struct work_job *job = q->first;
	if (job) {
		q->first = job->next;
		if (!q->first)
			q->end = &q->first;
		q->n--;
	}
	return job;
}

/* The whole list, so that the lock is not held while the jobs are handled. */
static struct work_job *queue_detach(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	struct work_job *first = q->first;
	q->first = NULL;
	q->end = &q->first;
	q->n = 0;
	pthread_mutex_unlock(&q->lock);
	return first;
}

/* Hands a job to the loop. The eventfd is only written when the list was empty: the loop reads the
 * counter before it detaches the list, so that a later job always makes it readable again. */
static void finish(struct work_pool *p, struct work_job *job)
{
	pthread_mutex_lock(&p->finished.lock);
	bool wake = p->finished.n == 0;
	queue_add(&p->finished, job);
	pthread_mutex_unlock(&p->finished.lock);
	while (wake && write(p->eventfd, &(uint64_t){1}, sizeof(uint64_t)) < 0 && errno == EINTR)
		;
}

/* The next job, or NULL when the pool closes. */
static struct work_job *take(struct work_pool *p, struct work_job **slot)
{
	pthread_mutex_lock(&p->todo.lock);
	while (!p->todo.first && !p->closing)
		pthread_cond_wait(&p->more, &p->todo.lock);
	*slot = queue_pop(&p->todo);
	struct work_job *job = *slot;
	pthread_mutex_unlock(&p->todo.lock);
	return job;
}

static void *worker(void *ctx)
{
	struct work_thread *t = ctx;
	struct work_pool *p = t->pool;
	struct work_job **slot = &p->running[t - p->threads], *job;
	while ((job = take(p, slot)) != NULL) {
		if (!atomic_load_explicit(&job->cancel, memory_order_relaxed)) {
			job->ran = true;
			job->run(job);
		}
		/* From here on the loop may free the job: nobody may find it in the slot. */
		pthread_mutex_lock(&p->todo.lock);
		*slot = NULL;
		pthread_mutex_unlock(&p->todo.lock);
		finish(p, job);
	}
	return NULL;
}

static void dispatch(struct work_pool *p)
{
	struct work_job *job = queue_detach(&p->finished);
	while (job) {
		struct work_job *next = job->next; /* done() frees the job */
		p->depth--;
		job->done(job);
		job = next;
	}
}

static void on_finished(void *ctx, int fd, unsigned io UNUSED)
{
	uint64_t count;
	while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
		;
	dispatch(ctx);
}

/* Signals are the loop thread's: a worker inherits a mask that blocks them all. */
static void start_threads(struct work_pool *p)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned i = 0; i < p->n_threads; i++) {
		p->threads[i].pool = p;
		if (pthread_create(&p->threads[i].id, NULL, worker, &p->threads[i]) != 0)
			abort();
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

struct work_pool *work_pool_new(struct loop *l, unsigned threads, size_t queue_max)
{
	assert(threads > 0 && threads <= 1024 && queue_max > 0);
	struct work_pool *p = xcalloc(1, sizeof *p + threads * sizeof p->threads[0]);
	queue_init(&p->todo);
	queue_init(&p->finished);
	pthread_cond_init(&p->more, NULL);
	p->queue_max = queue_max;
	p->n_threads = threads;
	p->running = xcalloc(threads, sizeof(struct work_job *));
	p->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->eventfd < 0)
		abort();
	p->watch = loop_watch_new(l, p->eventfd, LOOP_READ, on_finished, p);
	start_threads(p);
	return p;
}

bool work_submit(struct work_pool *p, struct work_job *job)
{
	assert(job->run && job->done);
	job->ran = false;
	pthread_mutex_lock(&p->todo.lock);
	assert(!p->closing);
	bool room = p->todo.n < p->queue_max;
	if (room) {
		queue_add(&p->todo, job);
		pthread_cond_signal(&p->more);
	}
	pthread_mutex_unlock(&p->todo.lock);
	p->depth += room;
	return room;
}

/* Takes the job out of the waiting list; false if a worker has it already. */
static bool unqueue(struct queue *q, const struct work_job *job)
{
	bool found = false;
	pthread_mutex_lock(&q->lock);
	for (struct work_job **at = &q->first; *at; at = &(*at)->next) {
		if (*at != job)
			continue;
		*at = job->next;
		if (!*at)
			q->end = at;
		q->n--;
		found = true;
		break;
	}
	pthread_mutex_unlock(&q->lock);
	return found;
}

void work_cancel(struct work_pool *p, struct work_job *job)
{
	atomic_store_explicit(&job->cancel, true, memory_order_relaxed);
	if (unqueue(&p->todo, job))
		finish(p, job);
}

size_t work_depth(const struct work_pool *p)
{
	return p->depth;
}

void work_pool_free(struct work_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->todo.lock);
	p->closing = true;
	for (struct work_job *j = p->todo.first; j; j = j->next)
		atomic_store_explicit(&j->cancel, true, memory_order_relaxed);
	for (unsigned i = 0; i < p->n_threads; i++)
		if (p->running[i])
			atomic_store_explicit(&p->running[i]->cancel, true, memory_order_relaxed);
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->todo.lock);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i].id, NULL);
	dispatch(p);
	assert(p->depth == 0);
	loop_watch_free(p->watch);
	close(p->eventfd);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->todo.lock);
	pthread_mutex_destroy(&p->finished.lock);
	free(p->running);
	free(p);
}
