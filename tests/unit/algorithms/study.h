/*
 * A study is a problem with a growing history: ask and tell, as the server does it. All that a suggestion
 * may depend on is in there.
 */
#pragma once
#include "algorithms/algorithm.h"

struct study {
	const struct algorithm *a;
	struct algo_problem p;
	struct algo_fidelity fidelity;      /* in p where the algorithm grants resources           */
	struct algo_objective objective;
	struct algo_value *settings;
	struct algo_trial *ended, *pending;
	uint32_t n_ended, n_pending, next_number;
	void *cache;
};

struct study *study_new(const struct algorithm *a, struct space *space, uint64_t seed);
void study_free(struct study *s);
void study_set(struct study *s, const char *setting, const char *text);    /* before the first ask */
bool study_possible(const struct study *s); /* algo_check() has nothing against it */

/* Asks for n; what comes is pending from then on. */
enum algo_outcome study_ask(struct study *s, uint32_t n, uint32_t *n_out);
/* As study_ask(), but leaves no trace: the vectors are written to x. */
enum algo_outcome study_peek(
	const struct study *s, uint32_t n, double *x, uint32_t *n_out, const atomic_bool *cancel);
/* Asks with the cache for n and forgets them, as a server does that could not store them. */
void study_waste(const struct study *s, uint32_t n);
/* Ends the pending trial at `index` with this status and value. */
void study_tell(struct study *s, uint32_t index, enum algo_status status, double value);
/* The oldest pending trial succeeds with study_objective(). */
void study_tell_oldest(struct study *s);
void study_enqueue(struct study *s, const double *x); /* a user's point, pending             */
/* A smooth function of the configuration with its optimum inside the space. */
double study_objective(const struct study *s, const double *x);

/* How studies are made from now on: with settings, "name", "value", ..., NULL, and with the resource in a
 * parameter of the space. */
struct study_options {
	const char *const *settings;
	bool resource_is_parameter;
};
extern struct study_options study_options;

void study_quiet(void *ctx, const char *setting, int param, const char *message);  /* an algo_report       */
void *must(void *p);                        /* p, which is not NULL                                */
bool same_bits(const double *a, const double *b, size_t n);
