/*
 * A scheduler as the control loop runs it: asked when slots are free, told in different orders, with
 * failures and kills in between.
 */
#pragma once
#include "algorithms/rng.h"
#include "tests/unit/algorithms/study.h"

enum { SCHEDULE_TRIALS_MAX = 1900 };

enum order { OLDEST, NEWEST, SHUFFLED };

struct run {
	struct study *s;
	uint32_t parallel;
	enum order order;
	double failing, killed;     /* shares of the trials                                        */
	struct rng rng;
};

/* Of the scheduler of this name, over two numbers, a category and epochs; param: 1, the epochs, or -1. */
struct study *schedule_study(const char *name, double min, double max, double eta, int param);
/* What a trial finds: better with more resource, in an order that changes on the way. */
double schedule_result(const struct study *s, const struct algo_trial *t);

void run_end_one(struct run *r);
/* Until the algorithm has nothing more, or `most` trials have begun. */
void run_to_the_end(struct run *r, uint32_t most);

/* The same bits as the parent but for the parameter that carries the resource, which is exactly on the rung. */
void assert_same_configuration(const struct study *s, const struct algo_trial *t);
