/* The frame of algorithms that look at no results. */
#include "algorithms/oneshot.h"

#include <stdlib.h>

#include "algorithms/grow.h"

/* Larger numbers are looked up every time; they are not expected. */
enum { KNOWN_MAX = 1 << 24 };

struct oneshot_cache {
	struct seen seen; /* the ended trials of the history                                 */
	bool *known;      /* by trial number: it is in there                                 */
	size_t n_known, capacity;
};

void *oneshot_cache_new(const struct algo_problem *p)
{
	struct oneshot_cache *c = calloc(1, sizeof(*c));

	if (c)
		seen_init(&c->seen, p->space, NULL);
	return c;
}

void oneshot_cache_free(void *cache)
{
	struct oneshot_cache *c = cache;

	if (!c)
		return;
	seen_free(&c->seen);
	free(c->known);
	free(c);
}

static bool learn(struct oneshot_cache *c, const struct algo_trial *trials, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t number = trials[i].number;

		if (number < c->n_known && c->known[number])
			continue;
		if (space_valid(c->seen.space, trials[i].x, NULL) && !seen_add(&c->seen, trials[i].x))
			return false;
		if (number >= KNOWN_MAX)
			continue;
		if (!grow(&c->known, &c->capacity, (size_t)number + 1, sizeof(*c->known)))
			return false;
		while (c->n_known <= number)
			c->known[c->n_known++] = false;
		c->known[number] = true;
	}
	return true;
}

/* What is pending may have been chosen in this very call, by another algorithm: not to be kept. */
static bool add_pending(struct seen *batch, const struct algo_trial *trials, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (space_valid(batch->space, trials[i].x, NULL) && !seen_add(batch, trials[i].x))
			return false;
	return true;
}

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
	struct algo_request *r, void *oneshot_cache, oneshot_next *next, void *ctx)
{
	struct oneshot_cache *own = oneshot_cache ? NULL : oneshot_cache_new(p);
	struct oneshot_cache *c = own ? own : oneshot_cache;
	struct seen batch;
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	r->n_out = 0;
	if (!c)
		return ALGO_NO_MEMORY;
	seen_init(&batch, p->space, &c->seen);
	if (learn(c, h->trials, h->n_trials) && add_pending(&batch, h->pending, h->n_pending))
		outcome = ALGO_OK;
	while (outcome == ALGO_OK && r->n_out < r->n) {
		if (algo_cancelled(r))
			outcome = ALGO_CANCELLED;
		else
			outcome = choose(&batch, next, ctx, r->first_number + r->n_out, &r->out[r->n_out]);
		if (outcome == ALGO_OK)
			r->n_out++;
	}
	if (outcome < 0)
		r->n_out = 0;
	seen_free(&batch);
	oneshot_cache_free(own);
	return outcome;
}
