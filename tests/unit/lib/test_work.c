/* The worker pool, also under TSan: every job is done exactly once, cancelled or not. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/work.h"

struct tally {
	int done, ran;
	int64_t sum;
	pthread_t loop_thread;
};

struct sum_job {
	struct work_job job;
	struct tally *tally;
	int64_t n, sum;
};

static void run_sum(struct work_job *job)
{
	struct sum_job *s = (struct sum_job *)job;
	for (int64_t i = 1; i <= s->n; i++)
		s->sum += i;
}

static void done_sum(struct work_job *job)
{
	struct sum_job *s = (struct sum_job *)job;
	assert_true(pthread_equal(pthread_self(), s->tally->loop_thread));
	s->tally->done++;
	s->tally->ran += job->ran;
	s->tally->sum += s->sum;
	free(s);
}

static struct sum_job *sum_job(struct tally *t, void (*run)(struct work_job *), int64_t n)
{
	struct sum_job *s = xcalloc(1, sizeof *s);
	s->job.run = run;
	s->job.done = done_sum;
	s->tally = t;
	s->n = n;
	return s;
}

static void every_job_is_done_once(void **state UNUSED)
{
	struct tally t = {.loop_thread = pthread_self()};
	struct loop *l = loop_new();
	struct work_pool *p = work_pool_new(l, 3, 5000);
	int64_t expected = 0;
	for (int n = 0; n < 5000; n++) {
		assert_true(work_submit(p, &sum_job(&t, run_sum, n % 50)->job));
		expected += (n % 50) * (n % 50 + 1) / 2;
	}
	while (t.done < 5000)
		loop_pass(l, true);
	assert_int_equal(t.ran, 5000);
	assert_int_equal(t.sum, expected);
	assert_int_equal(work_depth(p), 0);
	work_pool_free(p);
	loop_free(l);
}

static atomic_int started;

/* Occupies its worker until it is cancelled. */
static void run_until_cancelled(struct work_job *job)
{
	atomic_fetch_add(&started, 1);
	while (!atomic_load(&job->cancel))
		sched_yield();
}

static void wait_started(int n)
{
	while (atomic_load(&started) < n)
		sched_yield();
}

static void a_full_queue_says_so(void **state UNUSED)
{
	atomic_store(&started, 0);
	struct tally t = {.loop_thread = pthread_self()};
	struct loop *l = loop_new();
	struct work_pool *p = work_pool_new(l, 1, 2);
	struct sum_job *blocker = sum_job(&t, run_until_cancelled, 0);
	assert_true(work_submit(p, &blocker->job));
	wait_started(1);
	assert_true(work_submit(p, &sum_job(&t, run_sum, 1)->job));
	assert_true(work_submit(p, &sum_job(&t, run_sum, 1)->job));
	struct sum_job *refused = sum_job(&t, run_sum, 1);
	assert_false(work_submit(p, &refused->job));
	free(refused);
	assert_int_equal(work_depth(p), 3);
	work_cancel(p, &blocker->job);
	while (t.done < 3)
		loop_pass(l, true);
	assert_int_equal(t.ran, 3);
	work_pool_free(p);
	loop_free(l);
}

static void a_waiting_job_is_cancelled_unstarted(void **state UNUSED)
{
	atomic_store(&started, 0);
	struct tally t = {.loop_thread = pthread_self()};
	struct loop *l = loop_new();
	struct work_pool *p = work_pool_new(l, 1, 10);
	struct sum_job *blocker = sum_job(&t, run_until_cancelled, 0);
	struct sum_job *first = sum_job(&t, run_sum, 1), *last = sum_job(&t, run_sum, 1);
	assert_true(work_submit(p, &blocker->job));
	wait_started(1);
	assert_true(work_submit(p, &first->job));
	assert_true(work_submit(p, &last->job));
	work_cancel(p, &last->job);
	assert_int_equal(t.done, 0); /* never from inside */
	while (t.done < 1)
		loop_pass(l, true);
	assert_int_equal(t.ran, 0);
	assert_true(work_submit(p, &sum_job(&t, run_sum, 1)->job)); /* the end of the list still holds */
	work_cancel(p, &blocker->job);
	while (t.done < 4)
		loop_pass(l, true);
	assert_int_equal(t.ran, 3);
	work_pool_free(p);
	loop_free(l);
}

static void closing_stops_what_runs_and_what_waits(void **state UNUSED)
{
	atomic_store(&started, 0);
	struct tally t = {.loop_thread = pthread_self()};
	struct loop *l = loop_new();
	struct work_pool *p = work_pool_new(l, 2, 10);
	for (int i = 0; i < 6; i++)
		assert_true(work_submit(p, &sum_job(&t, run_until_cancelled, 0)->job));
	wait_started(2);
	work_pool_free(p);
	assert_int_equal(t.done, 6);
	assert_int_equal(t.ran, 2);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_job_is_done_once),
		cmocka_unit_test(a_full_queue_says_so),
		cmocka_unit_test(a_waiting_job_is_cancelled_unstarted),
		cmocka_unit_test(closing_stops_what_runs_and_what_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
