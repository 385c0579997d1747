/* Parameters: their bounds and choices, the conditions between them, the compiled space. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/space.h"
#include "lib/arena.h"
#include "lib/num.h"
#include "server/model/build.h"

#define PARAMETERS "/spec/parameters"
#define EXACT_MAX 4503599627370496.0 /* 2^52: half steps beyond the bounds are exact, too */

enum { PARAM_NAME_MAX = 128 };

/* One parameter on its way in. */
struct intake {
	struct build *b;
	const struct doc_parameter *d;
	const char *pointer;
	struct parameter *q;
};

#define COMPLAIN(in, field, code, ...) \
	problem_add((in)->b->p, problem_path((in)->b->p, (in)->pointer, field), code, __VA_ARGS__)

static bool param_name_valid(const char *s)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:@+";
	size_t n = strlen(s);
	return n > 0 && n <= PARAM_NAME_MAX && strspn(s, allowed) == n && strchr("-./:@+", s[0]) == NULL;
}

/* Names that placeholders already have (render.h). */
static bool param_name_reserved(const char *s)
{
	static const char *const prefixes[] = {"trial.", "experiment.", "budget.", "trialParameters.", "trialSpec."};
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		if (strncmp(s, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

static bool check_name(struct intake *in)
{
	const char *name = in->d->name;
	if (!param_name_valid(name))
		return problem_add(in->b->p, in->pointer, "bad-name",
			"'%.80s' is not a parameter name: letters, digits and _ - . / : @ +, at most %d, starting with a "
			"letter, a digit or _",
			name, PARAM_NAME_MAX);
	return !param_name_reserved(name) ||
		problem_add(in->b->p, in->pointer, "reserved-name",
			"names that start with trial., experiment., budget., trialParameters. or trialSpec. stand for facts "
			"about the trial");
}

/* ---- numbers ----------------------------------------------------------------------------------- */

static void check_whole(struct intake *in, const char *field, bool given, double x)
{
	char text[NUM_MAX];
	num_format(text, x);
	if (given && x != trunc(x))
		COMPLAIN(in, field, "not-integral", "%s of an int parameter must be an integer, not %s", field, text);
	else if (given && fabs(x) > EXACT_MAX)
		COMPLAIN(in, field, "too-large", "%s is beyond 2^52, where numbers are no longer exact", text);
}

static void check_bounds(struct intake *in)
{
	const struct doc_parameter *d = in->d;
	char min[NUM_MAX], max[NUM_MAX];
	num_format(min, d->min);
	num_format(max, d->max);
	if (!d->has_min)
		COMPLAIN(
			in, "min", "missing", "a parameter of type %s needs a lowest value", param_type_names[d->type]);
	if (!d->has_max)
		COMPLAIN(
			in, "max", "missing", "a parameter of type %s needs a highest value", param_type_names[d->type]);
	if (d->has_min && d->has_max && d->min > d->max)
		COMPLAIN(in, "min", "min-above-max", "min %s is above max %s", min, max);
	else if (d->has_min && d->has_max && !isfinite(d->max - d->min))
		COMPLAIN(in, "max", "too-large", "the range from %s to %s is wider than a number can say", min, max);
	if (d->type == PARAM_INT) {
		check_whole(in, "min", d->has_min, d->min);
		check_whole(in, "max", d->has_max, d->max);
		check_whole(in, "step", d->has_step, d->step);
	}
}

static void check_step(struct intake *in)
{
	const struct doc_parameter *d = in->d;
	char step[NUM_MAX];
	num_format(step, d->step);
	if (!d->has_step)
		return;
	if (d->step <= 0)
		COMPLAIN(in, "step", "step-not-positive", "step %s is not above 0", step);
	else if (!d->has_min || !d->has_max || d->min > d->max)
		return;
	else if (d->step > d->max - d->min && d->max > d->min)
		COMPLAIN(in, "step", "step-above-range", "step %s is larger than the range from min to max", step);
	else if ((d->max - d->min) / d->step > 2 * EXACT_MAX)
		COMPLAIN(in, "step", "step-too-fine", "step %s cuts the range into more than 2^53 values", step);
}

static void choose_distribution(struct intake *in)
{
	const struct doc_parameter *d = in->d;
	int distribution = d->distribution;
	if (!d->has_distribution && d->has_scale && d->scale == SCALE_LOG)
		distribution = DIST_LOG_UNIFORM;
	bool log = distribution == DIST_LOG_UNIFORM || distribution == DIST_LOG_NORMAL;
	if (d->has_scale && d->has_distribution && (d->scale == SCALE_LOG) != log)
		COMPLAIN(in, "scale", "scale-conflict", "scale %s contradicts distribution %s; leave one of them out",
			scale_names[d->scale], distribution_names[distribution]);
	if (log && d->has_min && d->min <= 0) {
		char min[NUM_MAX];
		num_format(min, d->min);
		COMPLAIN(in, "min", "log-of-nonpositive", "a log scale needs min above 0, not %s", min);
	}
	in->q->distribution = (enum param_distribution)distribution;
	in->q->scale = log ? SCALE_LOG : SCALE_LINEAR;
}

static void check_normal(struct intake *in)
{
	const struct doc_parameter *d = in->d;
	struct parameter *q = in->q;
	bool normal = q->distribution == DIST_NORMAL || q->distribution == DIST_LOG_NORMAL;
	if (!normal) {
		if (d->has_mean)
			COMPLAIN(in, "mean", "not-for-distribution", "only normal and logNormal have a mean");
		if (d->has_sd)
			COMPLAIN(in, "sd", "not-for-distribution", "only normal and logNormal have a standard deviation");
		return;
	}
	if (d->has_sd && d->sd <= 0)
		COMPLAIN(in, "sd", "sd-not-positive", "the standard deviation must be above 0");
	bool log_scale = q->distribution == DIST_LOG_NORMAL;
	double low = log_scale ? log(d->min) : d->min, high = log_scale ? log(d->max) : d->max;
	q->mean = d->has_mean ? d->mean : low + (high - low) / 2;
	q->sd = d->has_sd ? d->sd : (high - low) / 6;
	if (!d->has_sd && d->has_min && d->has_max && d->min == d->max)
		q->sd = 1;
}

static void refuse_choices(struct intake *in)
{
	if (in->d->values != NULL)
		COMPLAIN(in, "values", "not-for-type", "a parameter of type %s has min and max, not values",
			param_type_names[in->d->type]);
}

static void advise_log(struct intake *in)
{
	const struct parameter *q = in->q;
	if (q->distribution == DIST_UNIFORM && q->min > 0 && q->max / q->min > 1e3)
		problem_add(in->b->warnings, in->pointer, "wide-linear-range",
			"the range spans more than three orders of magnitude; \"scale\": \"log\" searches all of them");
}

static void build_number(struct intake *in)
{
	const struct doc_parameter *d = in->d;
	refuse_choices(in);
	check_bounds(in);
	check_step(in);
	choose_distribution(in);
	check_normal(in);
	in->q->min = d->min + 0.0; /* no minus zero */
	in->q->max = d->max + 0.0;
	in->q->step = d->has_step ? d->step : d->type == PARAM_INT ? 1 : 0;
	if (build_clean(in->b, in->pointer))
		advise_log(in);
}

/* ---- lists ------------------------------------------------------------------------------------- */

static void refuse_bounds(struct intake *in)
{
	const struct doc_parameter *d = in->d;
	const struct {
		const char *field;
		bool given;
	} bounds[] = {{"min", d->has_min}, {"max", d->has_max}, {"step", d->has_step}, {"scale", d->has_scale},
		{"distribution", d->has_distribution}, {"mean", d->has_mean}, {"sd", d->has_sd}};
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
		if (bounds[i].given)
			COMPLAIN(in, bounds[i].field, "not-for-type", "a parameter of type %s has values, not %s",
				param_type_names[d->type], bounds[i].field);
	}
}

static bool read_choice(struct intake *in, const cJSON *v, const char *pointer, struct param_choice *c)
{
	bool truth;
	c->text = scalar_text(v, in->b->a);
	c->kind = json_str(v) != NULL ? CHOICE_STRING : json_bool(v, &truth) ? CHOICE_BOOL : CHOICE_NUMBER;
	if (json_num(v, &c->number) && c->number == 0) {
		c->number = 0; /* no minus zero */
		c->text = "0";
	}
	if (c->text == NULL)
		return problem_add(in->b->p, pointer, "wrong-type", "expected a string, a number or a boolean");
	if (in->d->type == PARAM_DISCRETE && c->kind != CHOICE_NUMBER)
		return problem_add(in->b->p, pointer, "wrong-type",
			"a discrete parameter takes numbers; use categorical for anything else");
	return true;
}

static int compare_choices(const void *a, const void *b)
{
	const struct param_choice *const *x = a, *const *y = b;
	int order = strcmp((*x)->text, (*y)->text);
	return order != 0 ? order : (*x > *y) - (*x < *y);
}

static void check_duplicates(struct intake *in, const struct param_choice *choices, size_t n)
{
	const struct param_choice **sorted = arena_calloc(in->b->a, n, sizeof *sorted);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &choices[i];
	qsort(sorted, n, sizeof *sorted, compare_choices);
	const char *values = problem_path(in->b->p, in->pointer, "values");
	for (size_t i = 1; i < n; i++) {
		if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0)
			problem_add(in->b->p, problem_index(in->b->p, values, (size_t)(sorted[i] - choices)),
				"duplicate-value", "'%.80s' is listed twice", sorted[i]->text);
	}
}

static size_t count_items(const cJSON *parent)
{
	size_t n = 0;
	json_each (item, parent)
		n++;
	return n;
}

static void build_choices(struct intake *in)
{
	const cJSON *values = in->d->values;
	refuse_bounds(in);
	if (values == NULL) {
		COMPLAIN(in, "values", "missing", "a parameter of type %s needs a list of values",
			param_type_names[in->d->type]);
		return;
	}
	size_t n = count_items(values);
	if (!json_is_array(values)) {
		COMPLAIN(in, "values", "wrong-type", "expected a list");
		return;
	}
	if (n == 0 || n > SPEC_VALUES_MAX) {
		COMPLAIN(in, "values", n == 0 ? "empty-list" : "too-many", "has %zu values; 1 to %d are possible", n,
			SPEC_VALUES_MAX);
		return;
	}
	struct param_choice *choices = ARENA_NEW_N(in->b->a, struct param_choice, n);
	const char *pointer = problem_path(in->b->p, in->pointer, "values");
	bool ok = true;
	size_t i = 0;
	json_each (v, values) {
		ok &= read_choice(in, v, problem_index(in->b->p, pointer, i), &choices[i]);
		i++;
	}
	if (ok)
		check_duplicates(in, choices, n);
	in->q->choices = choices;
	in->q->n_choices = n;
}

void build_parameters(struct build *b)
{
	const struct json_list *list = &b->d->spec->parameters;
	const struct doc_parameter *d = list->items;
	b->parameters = ARENA_NEW_N(b->a, struct parameter, list->n);
	b->broken = ARENA_NEW_N(b->a, bool, list->n);
	const char **names = arena_calloc(b->a, list->n + 1, sizeof *names);
	b->names = b->s->parameter_names = names;
	b->s->parameters = b->parameters;
	b->s->n_parameters = list->n;

	for (size_t i = 0; i < list->n; i++) {
		struct parameter *q = &b->parameters[i];
		struct intake in = {b, &d[i], problem_path(b->p, PARAMETERS, d[i].name), q};
		names[i] = q->name = d[i].name;
		q->type = (enum param_type)d[i].type;
		bool decoded = build_clean(b, in.pointer);
		bool named = check_name(&in);
		if (decoded && named && (q->type == PARAM_DOUBLE || q->type == PARAM_INT))
			build_number(&in);
		else if (decoded && named)
			build_choices(&in);
		b->broken[i] = !build_clean(b, in.pointer);
	}
}

/* ---- conditions -------------------------------------------------------------------------------- */

static const char *when_pointer(struct build *b, size_t child)
{
	const char *pointer = problem_path(b->p, PARAMETERS, b->names[child]);
	return problem_path(b->p, pointer, "when");
}

static bool condition_values(struct build *b, const struct parameter *parent, const cJSON *list,
	const char *pointer, struct param_condition *c)
{
	size_t n = count_items(list), before = b->p->total;
	if (!json_is_array(list))
		return problem_add(b->p, pointer, "wrong-type", "expected a list of values of %s", parent->name);
	if (n == 0)
		return problem_add(
			b->p, pointer, "empty-list", "no value of %s would ever make it active", parent->name);
	if (n > SPEC_VALUES_MAX)
		return problem_add(
			b->p, pointer, "too-many", "has %zu values; at most %d are possible", n, SPEC_VALUES_MAX);

	double *values = arena_calloc(b->a, n, sizeof *values);
	size_t i = 0;
	json_each (v, list) {
		const char *at = problem_index(b->p, pointer, i);
		enum value_fault fault = param_parse(parent, NULL, 0, v, &values[i]);
		const char *given = scalar_text(v, b->a);
		param_report(parent, fault, given != NULL ? given : "", at, b->p);
		for (size_t k = 0; k < i && fault == VALUE_OK; k++) {
			if (values[k] == values[i])
				problem_add(b->p, at, "duplicate-value", "'%.80s' is listed twice", given);
		}
		i++;
	}
	*c =
		(struct param_condition){.parent = (size_t)(parent - b->parameters), .values = values, .n_values = n};
	return b->p->total == before;
}

static bool build_condition(struct build *b, size_t child, const cJSON *v, struct param_condition *c)
{
	const char *pointer = problem_path(b->p, when_pointer(b, child), v->string);
	int parent = spec_parameter(b->s, v->string);
	if (parent < 0)
		return problem_unknown(
			b->p, pointer, "unknown-parameter", "a parameter of this experiment", v->string, b->names);
	if ((size_t)parent == child)
		return problem_add(b->p, pointer, "condition-on-self", "%s cannot depend on itself", v->string);
	if (b->broken[parent])
		return false;
	const struct parameter *q = &b->parameters[parent];
	if (q->type == PARAM_DOUBLE && q->step == 0)
		return problem_add(b->p, pointer, "condition-on-continuous",
			"%s is continuous: no list of values can be met; give it a step or make it discrete", q->name);
	return condition_values(b, q, v, pointer, c);
}

static void build_when(struct build *b, size_t child, const cJSON *when)
{
	struct parameter *q = &b->parameters[child];
	if (!json_is_object(when)) {
		problem_add(b->p, when_pointer(b, child), "wrong-type",
			"expected an object such as {\"optimizer\": [\"sgd\"]}");
		b->broken[child] = true;
		return;
	}
	struct param_condition *conditions = ARENA_NEW_N(b->a, struct param_condition, count_items(when));
	size_t n = 0;
	json_each (v, when) {
		if (build_condition(b, child, v, &conditions[n]))
			n++;
		else
			b->broken[child] = true;
	}
	q->when = conditions;
	q->n_when = n;
}

/* Depth first from parent to parent; a parameter that is met on its own way closes a circle. */
struct walk {
	struct build *b;
	enum { NEW = 0, OPEN, DONE } * mark;
	size_t *next; /* of an open parameter: the parent that is being visited */
};

static const char *circle_text(struct walk *w, size_t start, size_t last)
{
	const char *text = w->b->names[start];
	for (size_t i = start; i != last; i = w->next[i])
		text = arena_printf(w->b->a, "%s -> %s", text, w->b->names[w->next[i]]);
	return arena_printf(w->b->a, "%s -> %s", text, w->b->names[start]);
}

static void visit(struct walk *w, size_t i)
{
	const struct parameter *q = &w->b->parameters[i];
	w->mark[i] = OPEN;
	for (size_t c = 0; c < q->n_when; c++) {
		size_t parent = q->when[c].parent;
		if (w->mark[parent] == OPEN) {
			problem_add(w->b->p, when_pointer(w->b, parent), "condition-cycle",
				"the conditions go in a circle: %s", circle_text(w, parent, i));
			w->b->broken[parent] = true;
		} else if (w->mark[parent] == NEW) {
			w->next[i] = parent;
			visit(w, parent);
		}
	}
	w->mark[i] = DONE;
}

void build_conditions(struct build *b)
{
	const struct doc_parameter *d = b->d->spec->parameters.items;
	size_t n = b->s->n_parameters;
	for (size_t i = 0; i < n; i++) {
		if (d[i].when != NULL)
			build_when(b, i, d[i].when);
	}
	struct walk w = {b, arena_calloc(b->a, n, sizeof *w.mark), arena_calloc(b->a, n, sizeof *w.next)};
	for (size_t i = 0; i < n; i++) {
		if (w.mark[i] == NEW)
			visit(&w, i);
	}
}

/* ---- the compiled space ------------------------------------------------------------------------ */

static void release_space(void *space)
{
	space_unref(space);
}

void build_space(struct build *b)
{
	struct space_problem faults[16];
	size_t n_faults = 0;
	if (!build_clean(b, PARAMETERS))
		return;
	for (size_t i = 0; i < b->s->n_parameters; i++) {
		if (b->broken[i])
			return;
	}
	struct space_builder *builder = space_builder_new();
	for (size_t i = 0; i < b->s->n_parameters && builder != NULL; i++) {
		const struct parameter *q = &b->parameters[i];
		struct space_param c = param_compile(q, b->a);
		space_add(builder, &c);
		for (size_t k = 0; k < q->n_when; k++)
			space_when(builder, (uint32_t)i, (uint32_t)q->when[k].parent, q->when[k].values,
				(uint32_t)q->when[k].n_values);
	}
	struct space *space = builder != NULL ? space_build(builder, faults, ARRAY_LEN(faults), &n_faults) : NULL;
	/* What is left for the compiler to find needs the distributions: a normal one outside its bounds. */
	for (size_t i = 0; space == NULL && i < n_faults; i++)
		problem_add(b->p, problem_path(b->p, PARAMETERS, b->names[faults[i].param]), "bad-space", "%s",
			space_fault_text(faults[i].fault));
	if (space == NULL && n_faults == 0)
		problem_add(b->p, PARAMETERS, "too-many", "there is no memory for a space of this size");
	if (space != NULL)
		arena_defer(b->a, release_space, space);
	b->s->problem.space = space;
}
