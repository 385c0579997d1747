/*
 * How far trials run: the fidelity of the document and of Katib's settings.
 *
 * Each figure is judged by itself as far as the others are known, so that a name that is not known hides
 * nothing but what depends on it.
 */
#include <math.h>
#include <string.h>

#include "algorithms/registry.h"
#include "lib/arena.h"
#include "lib/num.h"
#include "server/model/build.h"

#define FIDELITY "/spec/fidelity"
#define SETTINGS "/spec/algorithm/settings"

/* ---- the parameter that carries it ------------------------------------------------------------- */

/* A setting of an algorithm that knows it, before settings are read. */
static const cJSON *raw_setting(const struct build *b, const char *name)
{
	const struct doc_algorithm *d = b->d->spec->algorithm;
	const struct algorithm *a = d != NULL && d->name != NULL ? algorithm_find(d->name) : NULL;
	if (a == NULL || !json_is_object(d->settings) || algo_setting_find(a, name) < 0)
		return NULL;
	return json_get(d->settings, name);
}

/* Katib's documents have their numbers as texts. */
static bool number_of(const cJSON *v, double *x)
{
	const char *text = v != NULL ? json_str(v) : NULL;
	return text != NULL ? num_parse(text, strlen(text), false, x) : v != NULL && json_num(v, x);
}

static bool carries(struct build *b, size_t j, const char *pointer)
{
	const struct parameter *q = &b->parameters[j];
	const struct doc_parameter *d = (const struct doc_parameter *)b->d->spec->parameters.items + j;
	if (q->type == PARAM_CATEGORICAL)
		return problem_add(b->p, pointer, "not-a-resource",
			"%s is categorical: how far a trial runs is a number, of type int, double or discrete", q->name);
	if (d->when != NULL)
		return problem_add(b->p, pointer, "not-a-resource",
			"%s is conditional, but how far a trial runs must be said of every trial", q->name);
	return true;
}

/* In Katib the resource is put into the parameter whatever its range: its own example has epochs from 1 to
 * 1 and r_l 2. Here the range says what is searched and must hold it. */
static void widen(struct build *b, struct parameter *q)
{
	char r_l[NUM_MAX], was[NUM_MAX];
	double max;
	if (!number_of(raw_setting(b, "r_l"), &max) || !(max > q->max) || q->type == PARAM_DISCRETE)
		return;
	num_format(r_l, max);
	num_format(was, q->max);
	problem_add(b->warnings, problem_path(b->p, problem_path(b->p, "/spec/parameters", q->name), "max"), "widened",
		"%s went to %s only; now it goes to %s, the r_l of the algorithm", q->name, was, r_l);
	q->max = q->type == PARAM_INT ? ceil(max) : max;
}

void build_resource(struct build *b)
{
	const struct doc_fidelity *d = b->d->spec->fidelity;
	const cJSON *katib = raw_setting(b, "resource_name");
	const char *name = d != NULL && d->parameter != NULL ? d->parameter : katib != NULL ? json_str(katib) : NULL;
	const char *pointer = d != NULL && d->parameter != NULL ? FIDELITY "/parameter" : SETTINGS "/resource_name";
	b->resource = -1;
	b->resource_unclear = name != NULL || !build_clean(b, FIDELITY "/parameter");
	if (name == NULL)
		return;
	int j = spec_parameter(b->s, name);
	if (j < 0 && d != NULL && d->parameter != NULL)
		problem_unknown(b->p, pointer, "unknown-parameter", "a parameter of this experiment", name, b->names);
	if (j < 0 || b->broken[j] || !carries(b, (size_t)j, pointer))
		return;
	b->resource = j;
	b->resource_unclear = false;
	widen(b, &b->parameters[j]);
}

/* ---- fidelity ---------------------------------------------------------------------------------- */

/* The document's figure and a setting that means the same. */
static void agree(struct build *b, const char *setting, const char *field, bool given, double x)
{
	const struct algorithm *a = b->s->algorithm.algorithm;
	int row = algo_setting_find(a, setting);
	char said[NUM_MAX], here[NUM_MAX];
	if (!given || row < 0 || !b->s->problem.settings[row].given || b->s->problem.settings[row].number == x)
		return;
	num_format(said, b->s->problem.settings[row].number);
	num_format(here, x);
	problem_add(b->p, problem_path(b->p, SETTINGS, setting), "conflict",
		"%s %s and fidelity.%s %s mean the same thing: leave one of them out", setting, said, field, here);
}

static void agree_on_parameter(struct build *b)
{
	int row = algo_setting_find(b->s->algorithm.algorithm, "resource_name");
	if (b->d->spec->fidelity->parameter == NULL || b->resource < 0 || row < 0 || !b->s->problem.settings[row].given)
		return;
	int other = (int)b->s->problem.settings[row].number;
	if (other != b->resource)
		problem_add(b->p, SETTINGS "/resource_name", "conflict",
			"resource_name %s and fidelity.parameter %s mean the same thing: leave one of them out", b->names[other],
			b->names[b->resource]);
}

/* "hyperband, asha" */
static const char *schedulers(struct build *b)
{
	const char *out = NULL;
	for (const struct algorithm *const *a = algorithms; *a != NULL; a++) {
		if ((*a)->capabilities & ALGO_FIDELITY)
			out = out == NULL ? (*a)->name : arena_printf(b->a, "%s, %s", out, (*a)->name);
	}
	return out != NULL ? out : "none";
}

/* An algorithm that runs every trial in full can make use of the maximum only. */
static void check_plain(struct build *b)
{
	const struct doc_fidelity *d = b->d->spec->fidelity;
	const char *name = b->s->algorithm.name;
	if (d == NULL)
		return;
	if (d->parameter != NULL && b->resource >= 0)
		problem_add(b->p, FIDELITY "/parameter", "not-for-algorithm",
			"%s searches %s like any other parameter; those that say how far each trial runs are %s", name,
			d->parameter, schedulers(b));
	else if (d->parameter == NULL && b->d->spec->early_stopping == NULL)
		problem_add(b->warnings, FIDELITY, "no-effect",
			"%s runs every trial to its end, and no rule of earlyStopping asks how far that is", name);
}

static void check_parameter_range(struct build *b, const struct algo_fidelity *f)
{
	const struct parameter *q = &b->parameters[f->param];
	double lowest = q->min, highest = q->max;
	char own[NUM_MAX], wanted[NUM_MAX];
	for (size_t k = 0; k < q->n_choices; k++) {
		lowest = k == 0 ? q->choices[k].number : fmin(lowest, q->choices[k].number);
		highest = k == 0 ? q->choices[k].number : fmax(highest, q->choices[k].number);
	}
	if (f->max > highest) {
		num_format(wanted, f->max);
		num_format(own, highest);
		problem_add(b->p, FIDELITY "/max", "above-range", "max %s is above %s, the highest value of %s", wanted, own,
			q->name);
	}
	if (f->min < lowest) {
		num_format(wanted, f->min);
		num_format(own, lowest);
		problem_add(b->p, FIDELITY "/min", "below-range", "min %s is below %s, the lowest value of %s", wanted, own,
			q->name);
	}
	if (f->max <= 0)
		problem_add(b->p, FIDELITY "/max", "not-positive", "%s never gets above 0, so nothing would run", q->name);
	else if (f->min <= 0 && !(f->min < lowest))
		problem_add(b->p, FIDELITY "/min", "not-positive", "a trial must be given more than 0 of %s: name a min",
			q->name);
}

static void check_steps(struct build *b, const struct algo_fidelity *f)
{
	char text[NUM_MAX];
	if (f->max < 1 || (!isnan(f->max) && f->max != floor(f->max))) {
		num_format(text, f->max);
		problem_add(b->p, FIDELITY "/max", "not-integral", "steps are counted, so max must be a whole number, not %s",
			text);
	}
	if (f->min < 1) {
		num_format(text, f->min);
		problem_add(b->p, FIDELITY "/min", "too-small", "a trial runs at least 1 step, not %s", text);
	}
}

static void check_rungs(struct build *b, const struct algo_fidelity *f)
{
	char min[NUM_MAX], max[NUM_MAX], eta[NUM_MAX];
	num_format(min, f->min);
	num_format(max, f->max);
	num_format(eta, f->eta);
	if (f->eta <= 1)
		problem_add(b->p, FIDELITY "/eta", "too-small", "eta %s must be above 1: each rung is eta times the one before",
			eta);
	if (f->min > f->max)
		problem_add(b->p, FIDELITY "/min", "min-above-max", "min %s is above max %s", min, max);
	if (!build_clean(b, FIDELITY))
		return;
	if (log(f->max / f->min) / log(f->eta) >= ALGO_RUNGS_MAX)
		problem_add(b->p, FIDELITY "/eta", "too-many-rungs", "from %s to %s by %s are more than %d rungs", min, max, eta,
			(int)ALGO_RUNGS_MAX);
	else if (f->min * f->eta > f->max)
		problem_add(b->warnings, FIDELITY, "one-rung",
			"from min %s, %s times as much is above max %s: every trial runs to the end", min, eta, max);
}

/* May the maximum be what was meant by something that is not understood? */
static bool maximum_unclear(const struct build *b)
{
	const struct doc_algorithm *d = b->d->spec->algorithm;
	if (b->resource_unclear || !build_clean(b, FIDELITY "/max") || !build_clean(b, SETTINGS))
		return true;
	for (size_t i = 0; i < b->p->n; i++) {
		const struct problem *x = &b->p->items[i];
		if (strncmp(x->pointer, FIDELITY "/", strlen(FIDELITY "/")) == 0 && strcmp(x->code, "unknown-field") == 0)
			return true;
	}
	return b->s->algorithm.algorithm == NULL && d != NULL && d->settings != NULL;
}

static void no_maximum(struct build *b)
{
	const struct doc_fidelity *d = b->d->spec->fidelity;
	if (d != NULL)
		problem_add(b->p, FIDELITY "/max", "missing", "how far a full trial runs: the last step of its reports, or "
			"name the parameter that says so");
	else
		problem_add(b->p, FIDELITY, "missing",
			"%s must know how far a full trial runs: {\"max\": 81} in steps of its reports, or {\"parameter\": "
			"\"epochs\"}", b->s->algorithm.name);
}

/* What nobody has said, or not understandably, is NaN. */
static struct algo_fidelity as_given(const struct build *b)
{
	static const struct doc_fidelity none = {.resume = true};
	const struct doc_fidelity *d = b->d->spec->fidelity != NULL ? b->d->spec->fidelity : &none;
	return (struct algo_fidelity){
		.min = d->has_min && build_clean(b, FIDELITY "/min") ? d->min : NAN,
		.max = d->has_max && build_clean(b, FIDELITY "/max") ? d->max : NAN,
		.eta = d->has_eta && build_clean(b, FIDELITY "/eta") ? d->eta : NAN,
		.param = b->resource,
		.resumable = d->resume,
	};
}

/* From what is given to what holds. false: it cannot be told, and *f is as it was. */
static bool complete(struct build *b, struct algo_fidelity *f)
{
	const struct algorithm *a = b->s->algorithm.algorithm;
	if (a == NULL || b->s->problem.space == NULL || b->resource_unclear || !build_clean(b, FIDELITY) ||
		!build_clean(b, SETTINGS))
		return false;
	b->s->problem.fidelity = f;
	if (algo_fidelity_of(a, &b->s->problem, f))
		return true;
	b->s->problem.fidelity = NULL;
	return false;
}

/* Whatever is wrong is said of the document, also where Katib's settings said it. */
static void check_figures(struct build *b)
{
	struct algo_fidelity *f = ARENA_NEW(b->a, struct algo_fidelity);
	*f = as_given(b);
	const bool whole = complete(b, f);
	if (isnan(f->max) && f->param < 0 && !maximum_unclear(b))
		no_maximum(b);
	if (f->param >= 0)
		check_parameter_range(b, f);
	else if (!b->resource_unclear)
		check_steps(b, f);
	check_rungs(b, f);
	if (whole)
		b->s->fidelity = (struct fidelity){.given = true, .parameter = f->param, .min = f->min, .max = f->max,
			.eta = f->eta, .resume = f->resumable};
}

void build_fidelity(struct build *b)
{
	const struct algorithm *a = b->s->algorithm.algorithm;
	const struct doc_fidelity *d = b->d->spec->fidelity;
	const bool scheduler = a != NULL && (a->capabilities & ALGO_FIDELITY) != 0;
	if (a != NULL && !scheduler)
		check_plain(b);
	if (a != NULL && d != NULL) {
		agree(b, "r_l", "max", d->has_max, d->max);
		agree(b, "eta", "eta", d->has_eta, d->eta);
		agree_on_parameter(b);
	}
	if (d != NULL || (scheduler && build_clean(b, FIDELITY)))
		check_figures(b);
}
