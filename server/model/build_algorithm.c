/* The search algorithm and its settings; how settings are read by a table. */
#include <math.h>
#include <string.h>

#include "algorithms/registry.h"
#include "lib/arena.h"
#include "server/model/build.h"

#define ALGORITHM "/spec/algorithm"

/* ---- settings by a table ----------------------------------------------------------------------- */

struct complaint {
	struct build *b;
	const char *pointer; /* of the setting at hand */
};

static void report_setting(void *ctx, const char *setting, int param, const char *message)
{
	struct complaint *c = ctx;
	(void)setting, (void)param;
	problem_add(c->b->p, c->pointer, "bad-setting", "%s", message);
}

static void unknown_setting(struct build *b, const struct algorithm *table, const char *name, const char *pointer)
{
	const char **names = arena_calloc(b->a, table->n_settings + 1, sizeof *names);
	for (uint32_t i = 0; i < table->n_settings; i++)
		names[i] = table->settings[i].name;
	problem_unknown(
		b->p, pointer, "unknown-setting", arena_printf(b->a, "a setting of %s", table->name), name, names);
}

static void store_setting(struct build *b, const struct algorithm *table, struct algo_value *values, uint32_t row,
	const cJSON *v, struct complaint *c)
{
	const struct algo_setting *setting = &table->settings[row];
	const char *text = json_str(v);
	double number;
	bool truth;
	if (setting->type == ALGO_PARAM && text != NULL) {
		int parameter = spec_parameter(b->s, text);
		if (parameter < 0)
			problem_unknown(
				b->p, c->pointer, "unknown-parameter", "a parameter of this experiment", text, b->names);
		else
			algo_setting_number(table, values, row, parameter, report_setting, c);
	} else if (text != NULL) {
		algo_setting_text(table, values, row, text, report_setting, c);
	} else if (json_bool(v, &truth)) {
		algo_setting_text(table, values, row, truth ? "true" : "false", report_setting, c);
	} else if (json_num(v, &number) && setting->type != ALGO_PARAM) {
		algo_setting_number(table, values, row, number, report_setting, c);
	} else {
		problem_add(b->p, c->pointer, "wrong-type", "expected %s",
			setting->type == ALGO_PARAM ? "the name of a parameter" : "a number, a word or a boolean");
	}
}

struct settings build_settings(
	struct build *b, const struct algorithm *table, const cJSON *object, const char *pointer)
{
	struct setting *given = ARENA_NEW_N(b->a, struct setting, table->n_settings);
	struct settings out = {ARENA_NEW_N(b->a, struct algo_value, table->n_settings), given, 0};
	algo_settings_init(table, out.values);
	if (object != NULL && !json_is_object(object)) {
		problem_add(b->p, pointer, "wrong-type", "expected an object of settings by name");
		return out;
	}
	json_each (v, object) {
		struct complaint c = {b, problem_path(b->p, pointer, v->string)};
		int row = algo_setting_find(table, v->string);
		if (row < 0) {
			unknown_setting(b, table, v->string, c.pointer);
			continue;
		}
		if (out.values[row].given) {
			problem_add(b->p, c.pointer, "duplicate-setting", "%s is given twice", table->settings[row].name);
			continue;
		}
		store_setting(b, table, out.values, (uint32_t)row, v, &c);
		if (out.n < table->n_settings)
			given[out.n++] = (struct setting){table->settings[row].name, v};
	}
	return out;
}

/* ---- the algorithm ----------------------------------------------------------------------------- */

/* What the algorithm says of the whole, where it belongs. */
static void report(void *ctx, const char *setting, int param, const char *message)
{
	struct build *b = ctx;
	struct problems *p = b->p;
	if (setting != NULL)
		problem_add(p, problem_path(p, ALGORITHM "/settings", setting), "bad-setting", "%s", message);
	else if (param >= 0)
		problem_add(p, problem_path(p, "/spec/parameters", b->names[param]), "not-for-algorithm", "%s", message);
	else
		problem_add(p, ALGORITHM "/name", "not-for-algorithm", "%s", message);
}

static const struct algorithm *find_algorithm(struct build *b, const char *name)
{
	const struct algorithm *found = algorithm_find(name);
	if (found != NULL)
		return found;
	const char **names = arena_calloc(b->a, n_algorithms + 1, sizeof *names);
	for (size_t i = 0; i < n_algorithms; i++)
		names[i] = algorithms[i]->name;
	problem_unknown(b->p, ALGORITHM "/name", "unknown-algorithm", "an algorithm", name, names);
	return NULL;
}

/* Katib's documents give the seed as a setting; the document's own goes before it. */
static void take_seed(struct algorithm_spec *out, const struct algo_value *values)
{
	int row = algo_setting_find(out->algorithm, "random_state");
	if (out->has_seed || row < 0 || !values[row].given || isnan(values[row].number))
		return;
	out->has_seed = true;
	out->seed = (int64_t)values[row].number;
}

/* The algorithm judges the whole only when its parts are right. */
static void judge(struct build *b, const struct algorithm *a)
{
	if (b->s->problem.space != NULL && build_clean(b, ALGORITHM) && build_clean(b, "/spec/fidelity") &&
		build_clean(b, "/spec/objectives") && build_clean(b, "/spec/budget"))
		algo_check(a, &b->s->problem, report, b);
	if (b->s->n_constraints > 0 && !(a->capabilities & ALGO_CONSTRAINTS))
		problem_add(b->warnings, "/spec/constraints", "not-searched-by",
			"%s does not look at constraints: trials that break one are only left out of the ranking", a->name);
}

/* The algorithm by its name and its settings; false: it is not known. */
static bool choose_algorithm(struct build *b, const struct doc_algorithm *d)
{
	struct algorithm_spec *out = &b->s->algorithm;
	const struct algorithm *a =
		d->name != NULL && build_clean(b, ALGORITHM "/name") ? find_algorithm(b, d->name) : NULL;
	if (a == NULL) {
		if (d->settings != NULL && !json_is_object(d->settings))
			problem_add(b->p, ALGORITHM "/settings", "wrong-type", "expected an object of settings by name");
		return false;
	}
	const struct settings settings = build_settings(b, a, d->settings, ALGORITHM "/settings");
	out->name = a->name;
	out->algorithm = a;
	out->settings = settings.given;
	out->n_settings = settings.n;
	b->s->problem.settings = settings.values;
	take_seed(out, settings.values);
	return true;
}

void build_algorithm(struct build *b)
{
	static const struct doc_algorithm none = {.name = ALGORITHM_DEFAULT};
	const struct doc_algorithm *d = b->d->spec->algorithm != NULL ? b->d->spec->algorithm : &none;
	b->s->algorithm.has_seed = d->has_seed;
	b->s->algorithm.seed = d->seed;
	const bool known = choose_algorithm(b, d);
	build_fidelity(b);
	if (known)
		judge(b, b->s->algorithm.algorithm);
}
