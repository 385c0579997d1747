#include "bench/stopping/decide.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "algorithms/rng.h"
#include "algorithms/stopping/stopper.h"

enum {
	TRIALS = 10000,
	STEPS = 100,
	WORKERS = 16,
	RESTORED = 8000,
	SETTINGS_MAX = 8,
	TIMES_MAX = TRIALS * STEPS
};

struct study {
	struct stopper *stopper;
	struct rng rng;
	double level[TRIALS + 1], speed[TRIALS + 1];
	double *times; /* microseconds of each report                                 */
	uint32_t n, n_stopped;
	const struct algo_rungs *rungs; /* or NULL                                             */
};

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double value_at(struct study *s, uint32_t number, uint32_t step)
{
	return s->level[number] + exp(-s->speed[number] * step) + 0.01 * rng_uniform(&s->rng);
}

static bool begin(struct study *s, uint32_t number)
{
	s->level[number] = rng_uniform(&s->rng);
	s->speed[number] = 0.02 + 0.2 * rng_uniform(&s->rng);
	return stopper_begin(s->stopper, number, 0, 0, NAN);
}

/* How far a trial came before: to the end, but with rungs one in eta from each to the next. */
static uint32_t last_step(const struct study *s, uint32_t number)
{
	const struct algo_rungs *r = s->rungs;

	for (uint32_t k = 0; r && k < r->n; k++, number /= (uint32_t)r->eta)
		if (number % (uint32_t)r->eta != 0)
			return (uint32_t)r->at[k];
	return STEPS;
}

/* Trials that have ended before, as after a restart. */
static bool restore(struct study *s)
{
	enum stop_ahead ahead;

	for (uint32_t number = 1; number <= RESTORED; number++) {
		uint32_t last = last_step(s, number);
		double value = NAN;

		if (!begin(s, number))
			return false;
		for (uint32_t step = 1; step <= last; step++)
			if (!stopper_restore(s->stopper, number, step, value = value_at(s, number, step)))
				return false;
		if (!stopper_end(s->stopper, number, last == STEPS ? ALGO_SUCCEEDED : ALGO_STOPPED, value))
			return false;
	}
	while ((ahead = stopper_build_ahead(s->stopper)) == STOP_AHEAD_MORE)
		;
	return ahead == STOP_AHEAD_DONE;
}

/* The others, WORKERS at a time. */
static bool live(struct study *s)
{
	uint32_t running[WORKERS] = {0}, step[WORKERS] = {0}, next = RESTORED + 1, busy = WORKERS;
	struct stop_verdict verdict;

	while (busy > 0) {
		busy = 0;
		for (uint32_t w = 0; w < WORKERS; w++) {
			double value, before;
			enum stop_outcome outcome;

			if (running[w] == 0) {
				if (next > TRIALS)
					continue;
				step[w] = 0;
				if (!begin(s, running[w] = next++))
					return false;
			}
			busy++;
			value = value_at(s, running[w], ++step[w]);
			before = now_us();
			outcome = stopper_report(s->stopper, running[w], step[w], value, &verdict);
			s->times[s->n++] = now_us() - before;
			if (outcome == STOP_NO_MEMORY)
				return false;
			if (outcome != STOP_NOW && step[w] < STEPS)
				continue;
			s->n_stopped += outcome == STOP_NOW;
			if (!stopper_end(
					s->stopper, running[w], outcome == STOP_NOW ? ALGO_STOPPED : ALGO_SUCCEEDED, value))
				return false;
			running[w] = 0;
		}
	}
	return true;
}

static int by_time(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print_times(const char *who, struct study *s)
{
	double p50, p99, most, mib = (double)stopper_memory(s->stopper) / 0x1p20;

	qsort(s->times, s->n, sizeof(*s->times), by_time);
	p50 = s->times[s->n / 2];
	p99 = s->times[(size_t)(0.99 * s->n)];
	most = s->times[s->n - 1];
	printf("%-12s %9u %9u %8.2f %8.2f %9.1f %8.1f\n", who, s->n, s->n_stopped, p50, p99, most, mib);
	printf("{\"decide\":\"%s\",\"reports\":%u,\"stopped\":%u,\"p50_us\":%.3g,\"p99_us\":%.3g,\"max_us\":%.4g,"
		   "\"mib\":%.3g}\n",
		who, s->n, s->n_stopped, p50, p99, most, mib);
}

static bool decide(const char *who, const struct stop_problem *p)
{
	struct study *s = calloc(1, sizeof(*s));
	bool ok;

	if (!s)
		return false;
	s->rng = rng_stream(1, RNG_MODEL, 1);
	s->times = calloc(TIMES_MAX, sizeof(*s->times));
	s->rungs = p->rungs;
	s->stopper = stopper_new(p);
	ok = s->times && s->stopper && restore(s) && live(s);
	if (ok)
		print_times(who, s);
	stopper_free(s->stopper);
	free(s->times);
	free(s);
	return ok;
}

static void ignore(void *ctx, const char *setting, int param, const char *message)
{
	(void)ctx;
	(void)setting;
	(void)param;
	(void)message;
}

bool decide_print(void)
{
	const struct algo_rungs rungs = {.at = {1, 3, 9, 27}, .n = 4, .brackets = 1, .max = STEPS, .eta = 3};
	struct stop_problem p = {.metric = "loss", .rungs = &rungs, .max_resource = STEPS};

	printf(
		"%-12s %9s %9s %8s %8s %9s %8s\n", "rule", "reports", "stopped", "p50 us", "p99 us", "max us", "MiB");
	if (!decide("rungs", &p))
		return false;
	p.rungs = NULL;
	for (size_t i = 0; i < n_stop_rules; i++) {
		struct algo_value values[SETTINGS_MAX];
		const struct stop_use use = {.rule = stop_rules[i], .settings = values};
		int row;

		stop_settings_init(stop_rules[i], values);
		if ((row = stop_setting_find(stop_rules[i], "upper")) >= 0)
			stop_setting_number(stop_rules[i], values, (uint32_t)row, 1.9, ignore, NULL);
		p.uses = &use;
		p.n_uses = 1;
		if (!decide(stop_rules[i]->name, &p))
			return false;
	}
	return true;
}
