/* Decisions and fresh configurations, put together. */
#include "algorithms/fidelity/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"

struct schedule_cache {
	struct ladder ladder;
	struct sampler *sampler;
};

static struct sampler_options options_of(const struct schedule *s, const struct algo_problem *p)
{
	return (struct sampler_options){.choice = (int)p->settings[ROW_SAMPLER].number,
		.settings = p->settings[ROW_SAMPLER_SETTINGS].text,
		.random_share = s->row_random ? p->settings[s->row_random].number : 0};
}

void *schedule_cache_new(const struct schedule *s, const struct algo_problem *p)
{
	struct schedule_cache *c = calloc(1, sizeof(*c));
	struct sampler_options o = options_of(s, p);

	if (!c)
		return NULL;
	ladder_build(&c->ladder, s->kind, s->a, p);
	if ((c->sampler = sampler_new(p, &c->ladder, &o)))
		return c;
	free(c);
	return NULL;
}

void schedule_cache_free(void *cache)
{
	struct schedule_cache *c = cache;

	if (!c)
		return;
	sampler_free(c->sampler);
	free(c);
}

bool schedule_check(const struct schedule *s, const struct algo_problem *p, algo_report *report, void *ctx)
{
	struct sampler_options o = options_of(s, p);
	struct ladder l;

	if (!ladder_check(s->a, p, report, ctx))
		return false;
	ladder_build(&l, s->kind, s->a, p);
	return sampler_check(p, &l, &o, report, ctx);
}

/* ---- asking ------------------------------------------------------------------------------------ */

/* A request that is being decided. */
struct round {
	const struct schedule *s;
	const struct algo_problem *p;
	const struct algo_history *h;
	const struct ladder *ladder;
	struct algo_request *r;
	struct sampler_item *items;         /* [r->n]: what the sampler is asked and told           */
	uint32_t n_items, n_fresh;
};

static void write_grant(const struct round *q, const struct grant *g, struct algo_suggestion *out)
{
	const struct algo_trial *t = g->parent;

	*out = (struct algo_suggestion){.x = out->x,
		.resource = q->ladder->at[g->level],
		.parent = t ? t->number : 0,
		.bracket = g->bracket,
		.rung = g->rung};
	if (t)
		memcpy(out->x, t->x, space_dim(q->p->space) * sizeof(*out->x));
	ladder_set(q->ladder, q->p->space, g->level, out->x);
}

/* Decides the request with as many fresh configurations as there are. The dry run only lists what the
 * sampler is to be asked. */
static enum algo_outcome decide(struct round *q, uint32_t available, bool dry)
{
	void *state = q->s->begin(q->p, q->ladder, q->h);
	enum algo_outcome outcome = state ? ALGO_OK : ALGO_NO_MEMORY;
	uint32_t n = 0, n_fresh = 0;

	while (outcome == ALGO_OK && n < q->r->n) {
		struct grant g = {.parent = NULL};
		enum verdict v = q->s->next(state, n_fresh < available, &g);

		if (v != GRANT) {
			outcome = v == GRANT_END ? ALGO_EXHAUSTED : ALGO_WAIT;
			break;
		}
		ALGO_ASSERT(g.parent || n_fresh < available);
		if (dry)
			q->items[n] = (struct sampler_item){
				.x = q->r->out[n].x, .parent = g.parent, .level = g.level, .number = q->r->first_number + n};
		else
			write_grant(q, &g, &q->r->out[n]);
		n_fresh += !g.parent;
		n++;
	}
	if (dry) {
		q->n_fresh = n_fresh;
		q->n_items = n;
	} else {
		q->r->n_out = n;
	}
	q->s->end(state);
	return outcome;
}

static enum algo_outcome serve(struct round *q, struct sampler *sampler)
{
	uint32_t n = 0;
	enum algo_outcome outcome = decide(q, UINT32_MAX, true), sampled = ALGO_OK;

	if (outcome < 0)
		return outcome;
	if (q->n_fresh > 0)
		sampled = sampler_suggest(sampler, q->p, q->h, q->items, q->n_items, &n, q->r->cancel);
	if (sampled < 0)
		return sampled;
	outcome = decide(q, n < q->n_fresh ? n : UINT32_MAX, false);
	/* The sampler waits: what is missing may come yet. */
	return outcome == ALGO_EXHAUSTED && sampled == ALGO_WAIT ? ALGO_WAIT : outcome;
}

enum algo_outcome schedule_suggest(const struct schedule *s, const struct algo_problem *p,
	const struct algo_history *h, struct algo_request *r)
{
	struct schedule_cache *own = r->cache ? NULL : schedule_cache_new(s, p), *c = own ? own : r->cache;
	struct round q = {.s = s, .p = p, .h = h, .r = r};
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	r->n_out = 0;
	q.items = calloc((size_t)r->n + 1, sizeof(*q.items));
	if (c && q.items) {
		q.ladder = &c->ladder;
		outcome = r->n > 0 && algo_cancelled(r) ? ALGO_CANCELLED : serve(&q, c->sampler);
	}
	if (outcome < 0)
		r->n_out = 0;
	free(q.items);
	schedule_cache_free(own);
	return outcome;
}
