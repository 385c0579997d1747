/* Fresh configurations for a scheduler. */
#include "algorithms/fidelity/sampler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/fidelity/view.h"
#include "algorithms/grow.h"
#include "algorithms/registry.h"
#include "algorithms/rng.h"

enum { NAME_MAX_LENGTH = 64, VALUE_MAX_LENGTH = 64 };

const char *const sampler_names[] = {"random", "sobol", "gp", "tpe", "cmaes", "auto", "nsga2", "grid", NULL};

/* A search algorithm with settings and a cache of its own. */
struct delegate {
	const struct algorithm *a;
	struct algo_value *settings;
	void *cache;
};

/* An ended trial of the view that the caches have seen. */
struct mark {
	uint32_t number;
	enum algo_status status;
	double value;
};

enum { MODEL, RANDOM, DELEGATES };

struct sampler {
	struct ladder ladder;
	struct space *space;        /* a copy with one value, or the problem's own                 */
	double fixed;               /* that value                                                  */
	double random_share;
	struct delegate delegates[DELEGATES];
	bool ready;                 /* the caches are there                                        */
	struct mark *marks;
	size_t n_marks, capacity;
};

/* ---- settings ---------------------------------------------------------------------------------- */

static void quiet(void *ctx, const char *setting, int param, const char *message)
{
	(void)ctx, (void)setting, (void)param, (void)message;
}

/* Copies the text up to one of `ends`, without blanks around it, and returns what follows. */
static const char *token(const char *text, const char *ends, char *out, size_t size)
{
	size_t n = strcspn(text, ends), from = strspn(text, " "), to = n;

	while (to > from && text[to - 1] == ' ')
		to--;
	snprintf(out, size, "%.*s", to > from ? (int)fmin((double)(to - from), 1e6) : 0, text + from);
	return text + n;
}

/* Reads "name=value, name=value" into values. Problems are reported; false if there were any. */
static bool read_settings(
	const struct algorithm *a, const char *text, struct algo_value *values, algo_report *report, void *ctx)
{
	bool ok = true;

	algo_settings_init(a, values);
	while (text && text[strspn(text, " ")] != '\0') {
		char name[NAME_MAX_LENGTH], value[VALUE_MAX_LENGTH], message[200];
		int row;

		text = token(text, "=,", name, sizeof(name));
		value[0] = '\0';
		if (*text == '=')
			text = token(text + 1, ",", value, sizeof(value));
		text += *text == ',';
		row = algo_setting_find(a, name);
		if (row >= 0 && (a->settings[row].type == ALGO_TEXT || a->settings[row].type == ALGO_PARAM))
			row = -1;
		if (row >= 0 && algo_setting_text(a, values, (uint32_t)row, value, quiet, NULL))
			continue;
		snprintf(message, sizeof(message), "%s %s '%s'", a->name,
			row < 0 ? "has no setting" : "does not take this value for", name);
		report(ctx, "sampler_settings", -1, message);
		ok = false;
	}
	return ok;
}

/* ---- the delegates ----------------------------------------------------------------------------- */

/* Does it learn from all levels at once? */
static bool is_graded(const struct algorithm *a, const struct algo_problem *p)
{
	return (a->capabilities & ALGO_GRADED) && p->n_objectives == 1 && p->n_constraints == 0;
}

static struct algo_problem problem_for(const struct sampler *s, const struct delegate *d, const struct algo_problem *p)
{
	struct algo_problem own = *p;

	own.space = s->space;
	own.settings = d->settings;
	own.fidelity = NULL;
	own.sources = NULL; /* of other resources */
	own.n_sources = 0;
	own.graded = d->a && is_graded(d->a, p);
	return own;
}

static bool delegate_init(struct delegate *d, const char *name, const char *text)
{
	d->a = algorithm_find(name);
	ALGO_ASSERT(d->a);
	d->settings = calloc(d->a->n_settings + 1, sizeof(*d->settings));
	if (d->settings)
		read_settings(d->a, text, d->settings, quiet, NULL);
	return d->settings != NULL;
}

/* False: no memory; the next call begins anew again. */
static bool begin_anew(struct sampler *s, const struct algo_problem *p)
{
	s->n_marks = 0;
	s->ready = true;
	for (int k = 0; k < DELEGATES; k++) {
		struct delegate *d = &s->delegates[k];
		struct algo_problem own = problem_for(s, d, p);

		if (d->cache)
			d->a->cache_free(d->cache);
		d->cache = NULL;
		if (d->a && d->a->cache_new && !(d->cache = d->a->cache_new(&own)))
			s->ready = false;
	}
	return s->ready;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	for (int k = 0; k < DELEGATES; k++) {
		if (s->delegates[k].cache)
			s->delegates[k].a->cache_free(s->delegates[k].cache);
		free(s->delegates[k].settings);
	}
	space_unref(s->space);
	free(s->marks);
	free(s);
}

static bool make_space(struct sampler *s, const struct algo_problem *p)
{
	double x[SPACE_PARAMS_MAX];
	const int j = s->ladder.param;

	s->fixed = NAN;
	if (j < 0) {
		s->space = space_ref((struct space *)(uintptr_t)p->space);
		return true;
	}
	ladder_set(&s->ladder, p->space, s->ladder.n - 1, x);
	s->space = space_fixed(p->space, (uint32_t)j, x[j]);
	s->fixed = space_at(p->space, (uint32_t)j)->kind == SPACE_DISCRETE ? 0 : x[j];
	return s->space != NULL;
}

struct sampler *sampler_new(const struct algo_problem *p, const struct ladder *l, const struct sampler_options *o)
{
	struct sampler *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ladder = *l;
	s->random_share = o->random_share;
	if (!make_space(s, p) || !delegate_init(&s->delegates[MODEL], sampler_names[o->choice], o->settings) ||
		(o->random_share > 0 && !delegate_init(&s->delegates[RANDOM], "random", NULL))) {
		sampler_free(s);
		return NULL;
	}
	return s;
}

/* ---- checking ---------------------------------------------------------------------------------- */

struct forward {
	algo_report *report;
	void *ctx;
};

/* A setting of the sampler is not one of the scheduler. */
static void report_as_sampler(void *ctx, const char *setting, int param, const char *message)
{
	struct forward *f = ctx;

	(void)setting;
	f->report(f->ctx, param < 0 ? "sampler" : NULL, param, message);
}

bool sampler_check(const struct algo_problem *p, const struct ladder *l, const struct sampler_options *o,
	algo_report *report, void *ctx)
{
	struct sampler *s = sampler_new(p, l, o);
	struct forward forward = {.report = report, .ctx = ctx};
	struct algo_problem own;
	bool ok;

	if (!s) {
		report(ctx, NULL, -1, "there is not enough memory");
		return false;
	}
	own = problem_for(s, &s->delegates[MODEL], p);
	ok = read_settings(s->delegates[MODEL].a, o->settings, s->delegates[MODEL].settings, report, ctx);
	ok = algo_check(s->delegates[MODEL].a, &own, report_as_sampler, &forward) && ok;
	sampler_free(s);
	return ok;
}

/* ---- asking ------------------------------------------------------------------------------------ */

static bool same_bits(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* Remembers the view, and begins anew if it is not the last one with more at its end. False: no memory. */
static bool follow(struct sampler *s, const struct algo_problem *p, const struct algo_history *h)
{
	bool same = s->ready && s->n_marks <= h->n_trials;

	if (!grow(&s->marks, &s->capacity, h->n_trials, sizeof(*s->marks)))
		return false;
	for (uint32_t i = 0; i < h->n_trials; i++) {
		const struct algo_trial *t = &h->trials[i];
		struct mark now = {.number = t->number, .status = t->status, .value = t->values ? t->values[0] : 0};

		if (same && i < s->n_marks)
			same = now.number == s->marks[i].number && now.status == s->marks[i].status &&
				   same_bits(now.value, s->marks[i].value);
		s->marks[i] = now;
	}
	if (!same && !begin_anew(s, p))
		return false;
	s->n_marks = h->n_trials;
	return true;
}

static int delegate_for(const struct sampler *s, const struct algo_problem *p, uint32_t number)
{
	struct rng rng;

	if (!(s->random_share > 0))
		return MODEL;
	rng = rng_stream(p->seed, RNG_ORDER, number);
	return rng_uniform(&rng) < s->random_share ? RANDOM : MODEL;
}

/* A request to a sampler that is being served. */
struct serving {
	struct sampler *sampler;
	const struct algo_problem *p;
	struct view view;
	const atomic_bool *cancel;
	struct algo_suggestion *out;        /* [n]: those of one run                                   */
};

/* The run of fresh ones at the front of the items that one delegate chooses. */
static uint32_t run_length(const struct serving *q, const struct sampler_item *items, uint32_t n, int which)
{
	uint32_t k = 1;

	while (k < n && !items[k].parent && delegate_for(q->sampler, q->p, q->view.next_number + k) == which)
		k++;
	return k;
}

static enum algo_outcome serve_run(struct serving *q, const struct sampler_item *items, uint32_t n, uint32_t *n_out)
{
	int which = delegate_for(q->sampler, q->p, q->view.next_number);
	struct delegate *d = &q->sampler->delegates[which];
	struct algo_problem own = problem_for(q->sampler, d, q->p);
	struct algo_request part = {.first_number = q->view.next_number, .n = run_length(q, items, n, which),
		.out = q->out, .cancel = q->cancel, .cache = d->cache};
	enum algo_outcome outcome;

	for (uint32_t i = 0; i < part.n; i++)
		q->out[i] = (struct algo_suggestion){.x = items[i].x};
	outcome = d->a->suggest(&own, &q->view.h, &part);
	for (uint32_t i = 0; i < part.n_out; i++)
		view_add(&q->view, items[i].x);
	*n_out = part.n_out;
	return outcome;
}

static enum algo_outcome serve(struct serving *q, const struct sampler_item *items, uint32_t n, uint32_t *n_fresh)
{
	enum algo_outcome outcome = ALGO_OK;

	for (uint32_t i = 0, came = 1; outcome == ALGO_OK && i < n; i += came) {
		if (items[i].parent) {
			view_add_promotion(&q->view, items[i].parent, items[i].level, items[i].number);
			came = 1;
			continue;
		}
		outcome = serve_run(q, items + i, n - i, &came);
		*n_fresh += came;
	}
	return outcome;
}

enum algo_outcome sampler_suggest(struct sampler *s, const struct algo_problem *p, const struct algo_history *h,
	const struct sampler_item *items, uint32_t n, uint32_t *n_fresh, const atomic_bool *cancel)
{
	struct serving q = {.sampler = s, .p = p, .cancel = cancel};
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	*n_fresh = 0;
	if (!view_init(&q.view, p, &s->ladder, s->space, s->fixed, h, n,
			is_graded(s->delegates[MODEL].a, p)))
		return ALGO_NO_MEMORY;
	q.out = calloc((size_t)n + 1, sizeof(*q.out));
	if (q.out && follow(s, p, &q.view.h))
		outcome = serve(&q, items, n, n_fresh);
	if (outcome < 0)
		*n_fresh = 0;
	for (uint32_t i = 0, k = 0; k < *n_fresh; i++) {
		if (items[i].parent)
			continue;
		ladder_set(&s->ladder, p->space, s->ladder.n - 1, items[i].x);
		k++;
	}
	free(q.out);
	view_free(&q.view);
	return outcome;
}
