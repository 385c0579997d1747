#include "server/model/params.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "algorithms/space.h"
#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "server/model/build.h"
#include "server/model/spec.h"

/* ---- out --------------------------------------------------------------------------------------- */

static void write_choice(struct json_writer *w, const char *key, const struct param_choice *c)
{
	switch (c->kind) {
	case CHOICE_STRING:
		jw_str(w, key, c->text);
		return;
	case CHOICE_NUMBER:
		jw_num(w, key, c->number);
		return;
	case CHOICE_BOOL:
		jw_bool(w, key, strcmp(c->text, "true") == 0);
		return;
	}
}

static const struct param_choice *choice_at(const struct parameter *q, double x)
{
	size_t i = (size_t)x;
	assert(x >= 0 && i < q->n_choices);
	return &q->choices[i];
}

void param_write(struct json_writer *w, const char *key, const struct parameter *q, double x)
{
	switch (q->type) {
	case PARAM_DOUBLE:
		jw_num(w, key, x);
		return;
	case PARAM_INT:
		jw_int(w, key, (int64_t)x);
		return;
	case PARAM_DISCRETE:
	case PARAM_CATEGORICAL:
		write_choice(w, key, choice_at(q, x));
		return;
	}
}

void params_write(struct json_writer *w, const char *key, const struct experiment_spec *s, const double *x)
{
	jw_object(w, key);
	for (size_t i = 0; i < s->n_parameters; i++) {
		if (!isnan(x[i]))
			param_write(w, s->parameters[i].name, &s->parameters[i], x[i]);
	}
	jw_end(w);
}

const char *params_json(const struct experiment_spec *s, const double *x, struct arena *a)
{
	struct strbuf b;
	struct json_writer w;
	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	params_write(&w, NULL, s, x);
	const char *text = arena_strdup(a, b.data);
	strbuf_free(&b);
	return text;
}

const char *param_text(const struct experiment_spec *s, size_t i, double x, char buf[NUM_MAX])
{
	assert(i < s->n_parameters);
	const struct parameter *q = &s->parameters[i];
	if (isnan(x))
		return NULL;
	switch (q->type) {
	case PARAM_DOUBLE:
		num_format(buf, x);
		return buf;
	case PARAM_INT:
		num_format_i64(buf, (int64_t)x);
		return buf;
	case PARAM_DISCRETE:
	case PARAM_CATEGORICAL:
		return choice_at(q, x)->text;
	}
	return NULL;
}

/* ---- in: one value ----------------------------------------------------------------------------- */

struct space_param param_compile(const struct parameter *q, struct arena *a)
{
	static const enum space_kind kinds[] = {SPACE_DOUBLE, SPACE_INT, SPACE_DISCRETE, SPACE_CATEGORICAL};
	static const enum space_distribution distributions[] = {
		SPACE_UNIFORM, SPACE_LOG_UNIFORM, SPACE_NORMAL, SPACE_LOG_NORMAL};
	struct space_param c = {
		.kind = kinds[q->type],
		.distribution = distributions[q->distribution],
		.min = q->min,
		.max = q->max,
		.step = q->step,
		.mean = q->mean,
		.sd = q->sd,
		.n_values = (uint32_t)q->n_choices,
	};
	if (q->type == PARAM_DISCRETE) {
		double *values = arena_calloc(a, q->n_choices, sizeof *values);
		for (size_t i = 0; i < q->n_choices; i++)
			values[i] = q->choices[i].number;
		c.values = values;
	}
	return c;
}

static double level_value(const struct space *space, size_t j, double k)
{
	uint64_t levels = space_levels(space, (uint32_t)j);
	assert(k >= 0 && levels > 0 && levels < SPACE_INFINITE);
	return space_level_value(space, (uint32_t)j, (uint64_t)k < levels ? (uint64_t)k : levels - 1);
}

/* The exact value of step k of a stepped double, in a space of its own while there is no other. */
static double grid_value(const struct parameter *q, const struct space *space, size_t j, double k)
{
	if (space != NULL)
		return level_value(space, j, k);

	struct space_problem problem;
	size_t n;
	struct space_builder *b = space_builder_new();
	if (b == NULL)
		return NAN;
	space_add(b, &(struct space_param){.kind = SPACE_DOUBLE, .min = q->min, .max = q->max, .step = q->step});
	struct space *alone = space_build(b, &problem, 1, &n);
	double value = alone != NULL ? level_value(alone, 0, k) : NAN;
	space_unref(alone);
	return value;
}

static enum value_fault parse_number(
	const struct parameter *q, const struct space *space, size_t j, double given, double *x)
{
	if (q->type == PARAM_INT && given != trunc(given))
		return VALUE_TYPE;
	if (given < q->min || given > q->max)
		return VALUE_RANGE;
	*x = given + 0.0; /* no minus zero */
	if (q->step == 0)
		return VALUE_OK;
	/* What was computed in floating point is a hair off its step. */
	double k = round((given - q->min) / q->step);
	*x = q->type == PARAM_INT ? q->min + k * q->step : grid_value(q, space, j, k);
	double slack = q->type == PARAM_INT ? 0 : 1e-9 * q->step;
	return fabs(*x - given) <= slack ? VALUE_OK : VALUE_STEP;
}

static enum value_fault parse_choice_text(const struct parameter *q, const char *text, double *x)
{
	for (size_t i = 0; i < q->n_choices; i++) {
		if (strcmp(q->choices[i].text, text) == 0) {
			*x = (double)i;
			return VALUE_OK;
		}
	}
	return VALUE_UNKNOWN;
}

static enum value_fault parse_choice_number(const struct parameter *q, double given, double *x)
{
	for (size_t i = 0; i < q->n_choices; i++) {
		if (q->choices[i].kind == CHOICE_NUMBER && q->choices[i].number == given) {
			*x = (double)i;
			return VALUE_OK;
		}
	}
	if (q->type != PARAM_CATEGORICAL)
		return VALUE_UNKNOWN;
	char text[NUM_MAX];
	num_format(text, given);
	return parse_choice_text(q, text, x);
}

static enum value_fault parse_text(
	const struct parameter *q, const struct space *space, size_t j, const char *text, double *x)
{
	double number;
	if (q->n_choices > 0 && parse_choice_text(q, text, x) == VALUE_OK)
		return VALUE_OK;
	if (!num_parse(text, strlen(text), false, &number))
		return q->type == PARAM_CATEGORICAL ? VALUE_UNKNOWN : VALUE_TYPE;
	return q->n_choices > 0 ? parse_choice_number(q, number, x) : parse_number(q, space, j, number, x);
}

enum value_fault param_parse(
	const struct parameter *q, const struct space *space, size_t j, const cJSON *v, double *x)
{
	double number;
	bool truth;
	if (json_str(v) != NULL)
		return parse_text(q, space, j, json_str(v), x);
	if (json_num(v, &number))
		return q->n_choices > 0 ? parse_choice_number(q, number, x) : parse_number(q, space, j, number, x);
	if (json_bool(v, &truth) && q->type == PARAM_CATEGORICAL)
		return parse_choice_text(q, truth ? "true" : "false", x);
	return VALUE_TYPE;
}

const char *scalar_text(const cJSON *v, struct arena *a)
{
	char buf[NUM_MAX];
	double number;
	bool truth;
	if (json_num(v, &number)) {
		num_format(buf, number);
		return arena_strdup(a, buf);
	}
	if (json_bool(v, &truth))
		return truth ? "true" : "false";
	return json_str(v);
}

static void report_unknown(
	const struct parameter *q, const char *given, const char *pointer, struct problems *p)
{
	if (p->n == PROBLEMS_MAX) { /* it is only counted: spare the list of names */
		problem_add(p, pointer, "unknown-value", "%s", "");
		return;
	}
	const char **names = arena_calloc(p->arena, q->n_choices + 1, sizeof *names);
	for (size_t i = 0; i < q->n_choices; i++)
		names[i] = q->choices[i].text;
	problem_unknown(
		p, pointer, "unknown-value", arena_printf(p->arena, "a value of %s", q->name), given, names);
}

void param_report(const struct parameter *q, enum value_fault fault, const char *given, const char *pointer,
	struct problems *p)
{
	static const char *const wanted[] = {"a number", "an integer", "a number", "a string, number or boolean"};
	char min[NUM_MAX], max[NUM_MAX], step[NUM_MAX];
	num_format(min, q->min);
	num_format(max, q->max);
	num_format(step, q->step);
	switch (fault) {
	case VALUE_OK:
		return;
	case VALUE_TYPE:
		problem_add(p, pointer, "wrong-type", "%s takes %s", q->name, wanted[q->type]);
		return;
	case VALUE_RANGE:
		problem_add(p, pointer, "out-of-range", "%.40s is outside of %s's range from %s to %s", given,
			q->name, min, max);
		return;
	case VALUE_STEP:
		problem_add(p, pointer, "not-on-step", "%.40s is not a step of %s from %s, the minimum of %s", given,
			step, min, q->name);
		return;
	case VALUE_UNKNOWN:
		report_unknown(q, given, pointer, p);
		return;
	}
}

/* ---- in: all values ---------------------------------------------------------------------------- */

enum given { ABSENT = 0, GIVEN, BAD };

struct intake {
	const struct experiment_spec *s;
	const char *pointer;
	double *x;
	enum given *given;
	struct problems *p;
};

static struct intake intake_begin(
	const struct experiment_spec *s, const char *pointer, double *x, struct problems *p)
{
	for (size_t i = 0; i < s->n_parameters; i++)
		x[i] = NAN;
	return (struct intake){s, pointer, x, ARENA_NEW_N(p->arena, enum given, s->n_parameters), p};
}

static const char **parameter_names(const struct experiment_spec *s, struct arena *a)
{
	const char **names = arena_calloc(a, s->n_parameters + 1, sizeof *names);
	for (size_t i = 0; i < s->n_parameters; i++)
		names[i] = s->parameters[i].name;
	return names;
}

static void intake_value(struct intake *in, const char *name, const cJSON *v, const char *text)
{
	const struct experiment_spec *s = in->s;
	const char *pointer = problem_path(in->p, in->pointer, name);
	int i = spec_parameter(s, name);
	if (i < 0) {
		problem_unknown(in->p, pointer, "unknown-parameter", "a parameter of the experiment", name,
			parameter_names(s, in->p->arena));
		return;
	}
	if (in->given[i] != ABSENT) {
		problem_add(in->p, pointer, "duplicate-value", "%s is given twice", name);
		return;
	}
	const struct parameter *q = &s->parameters[i];
	enum value_fault fault;
	if (v != NULL)
		fault = param_parse(q, s->problem.space, (size_t)i, v, &in->x[i]);
	else
		fault = parse_text(q, s->problem.space, (size_t)i, text, &in->x[i]);
	in->given[i] = fault == VALUE_OK ? GIVEN : BAD;
	if (fault != VALUE_OK) {
		const char *given = v != NULL ? scalar_text(v, in->p->arena) : text;
		param_report(q, fault, given != NULL ? given : "", pointer, in->p);
	}
}

/* Whether parameter i is active hangs on a value that is wrong or missing. */
static bool undecidable(const struct intake *in, size_t i)
{
	const struct parameter *q = &in->s->parameters[i];
	for (size_t c = 0; c < q->n_when; c++) {
		if (in->given[q->when[c].parent] == BAD)
			return true;
	}
	return false;
}

static void intake_end(struct intake *in)
{
	const struct experiment_spec *s = in->s;
	const uint32_t *order = space_order(s->problem.space);
	for (size_t k = 0; k < s->n_parameters; k++) {
		size_t i = order[k];
		const char *name = s->parameters[i].name;
		if (in->given[i] == BAD)
			continue;
		if (undecidable(in, i)) {
			in->given[i] = BAD;
		} else if (!param_active(s, i, in->x)) {
			in->x[i] = NAN;
			if (in->given[i] == GIVEN)
				problem_add(in->p, problem_path(in->p, in->pointer, name), "inactive-parameter",
					"%s has no effect with these values of the parameters that it depends on; leave it out",
					name);
		} else if (in->given[i] == ABSENT) {
			in->given[i] = BAD;
			problem_add(in->p, problem_path(in->p, in->pointer, name), "missing", "%s needs a value", name);
		}
	}
}

bool params_from_json(
	const struct experiment_spec *s, const cJSON *object, const char *pointer, double *x, struct problems *p)
{
	size_t before = p->total;
	if (!json_is_object(object))
		return problem_add(p, pointer, "wrong-type", "expected an object with a value for each parameter");
	struct intake in = intake_begin(s, pointer, x, p);
	json_each (v, object)
		intake_value(&in, v->string, v, NULL);
	intake_end(&in);
	return p->total == before;
}

bool params_from_words(
	const struct experiment_spec *s, const char *const *words, size_t n, double *x, struct problems *p)
{
	size_t before = p->total;
	struct intake in = intake_begin(s, "", x, p);
	for (size_t i = 0; i < n; i++) {
		const char *eq = strchr(words[i], '=');
		if (eq == NULL || eq == words[i])
			problem_add(p, "", "malformed", "'%.80s' is not NAME=VALUE", words[i]);
		else
			intake_value(&in, arena_strndup(p->arena, words[i], (size_t)(eq - words[i])), NULL, eq + 1);
	}
	intake_end(&in);
	return p->total == before;
}

bool params_load(const struct experiment_spec *s, const cJSON *object, double *x)
{
	size_t known = 0, given = 0;
	for (size_t i = 0; i < s->n_parameters; i++) {
		const cJSON *v = json_get(object, s->parameters[i].name);
		x[i] = NAN;
		if (v == NULL)
			continue;
		if (param_parse(&s->parameters[i], s->problem.space, i, v, &x[i]) != VALUE_OK)
			return false;
		known++;
	}
	json_each (v, object)
		given++;
	return known == given && json_is_object(object) && space_valid(s->problem.space, x, NULL);
}

bool params_adopt(const struct experiment_spec *s, const cJSON *object, double *x)
{
	for (size_t i = 0; i < s->n_parameters; i++) {
		const cJSON *v = json_get(object, s->parameters[i].name);
		x[i] = NAN;
		if (v == NULL)
			continue;
		enum value_fault fault = param_parse(&s->parameters[i], s->problem.space, i, v, &x[i]);
		if (fault != VALUE_OK && fault != VALUE_STEP)
			return false;
	}
	space_snap(s->problem.space, x);
	return true;
}

bool param_active(const struct experiment_spec *s, size_t i, const double *x)
{
	return space_is_active(s->problem.space, (uint32_t)i, x);
}

bool params_equal(const struct experiment_spec *s, const double *x, const double *y)
{
	return space_equal(s->problem.space, x, y);
}
