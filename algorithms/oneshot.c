/* The frame of algorithms that look at no results. */
#include "algorithms/oneshot.h"

static enum algo_outcome choose(
    struct seen *seen, oneshot_next *next, void *ctx, uint32_t number, struct algo_suggestion *out)
{
	enum algo_outcome outcome;

	out->resource = __builtin_nan("");
	out->parent = 0;
	out->bracket = out->rung = 0;
	if (seen_all(seen))
		return ALGO_EXHAUSTED;
	if ((outcome = next(ctx, seen, number, out->x)) != ALGO_OK)
		return outcome;
	return seen_add(seen, out->x) ? ALGO_OK : ALGO_NO_MEMORY;
}

enum algo_outcome oneshot_suggest(const struct algo_problem *p, const struct algo_history *h,
    struct algo_request *r, oneshot_next *next, void *ctx)
{
	struct seen seen;
	enum algo_outcome outcome = seen_init(&seen, p->space, h) ? ALGO_OK : ALGO_NO_MEMORY;

	r->n_out = 0;
	while (outcome == ALGO_OK && r->n_out < r->n) {
		if (algo_cancelled(r))
			outcome = ALGO_CANCELLED;
		else
			outcome = choose(&seen, next, ctx, r->first_number + r->n_out, &r->out[r->n_out]);
		if (outcome == ALGO_OK)
			r->n_out++;
	}
	if (outcome < 0)
		r->n_out = 0;
	seen_free(&seen);
	return outcome;
}
