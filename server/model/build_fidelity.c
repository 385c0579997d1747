/*
 * How far trials run: the fidelity of the document and of Katib's settings, and which rules stop trials
 * before.
 */
#include <math.h>
#include <string.h>

#include "algorithms/registry.h"
#include "algorithms/stopping/stopper.h"
#include "lib/arena.h"
#include "lib/num.h"
#include "server/model/build.h"

#define FIDELITY "/spec/fidelity"
#define SETTINGS "/spec/algorithm/settings"
#define EARLY_STOPPING "/spec/earlyStopping"

_Static_assert((int)SPEC_STOP_RULES_MAX <= (int)STOP_RULES_MAX, "the stopper takes as many rules");

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
	if (name == NULL)
		return;
	int j = spec_parameter(b->s, name);
	if (j < 0 && d != NULL && d->parameter != NULL)
		problem_unknown(b->p, pointer, "unknown-parameter", "a parameter of this experiment", name, b->names);
	if (j < 0 || b->broken[j] || !carries(b, (size_t)j, pointer))
		return;
	b->resource = j;
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
	if (f->max < 1 || f->max != floor(f->max)) {
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
	else if (f->min > f->max)
		problem_add(b->p, FIDELITY "/min", "min-above-max", "min %s is above max %s", min, max);
	else if (log(f->max / f->min) / log(f->eta) >= ALGO_RUNGS_MAX)
		problem_add(b->p, FIDELITY "/eta", "too-many-rungs", "from %s to %s by %s are more than %d rungs", min, max, eta,
			(int)ALGO_RUNGS_MAX);
	else if (f->min * f->eta > f->max)
		problem_add(b->warnings, FIDELITY, "one-rung",
			"from min %s, %s times as much is above max %s: every trial runs to the end", min, eta, max);
}

static void no_maximum(struct build *b)
{
	const struct doc_fidelity *d = b->d->spec->fidelity;
	const char *name = b->s->algorithm.name;
	if (d != NULL)
		problem_add(b->p, FIDELITY "/max", "missing", "how far a full trial runs: the last step of its reports, or "
			"name the parameter that says so");
	else
		problem_add(b->p, FIDELITY, "missing",
			"%s must know how far a full trial runs: {\"max\": 81} in steps of its reports, or {\"parameter\": "
			"\"epochs\"}", name);
}

/* What nobody has said yet is NaN. */
static struct algo_fidelity as_given(const struct build *b)
{
	static const struct doc_fidelity none = {.resume = true};
	const struct doc_fidelity *d = b->d->spec->fidelity != NULL ? b->d->spec->fidelity : &none;
	return (struct algo_fidelity){
		.min = d->has_min ? d->min : NAN,
		.max = d->has_max ? d->max : NAN,
		.eta = d->has_eta ? d->eta : NAN,
		.param = b->resource,
		.resumable = d->resume,
	};
}

/* Whatever is wrong is said of the document, also where Katib's settings said it. */
static void resolve(struct build *b, bool scheduler)
{
	struct algo_fidelity *f = ARENA_NEW(b->a, struct algo_fidelity);
	*f = as_given(b);
	b->s->problem.fidelity = f;
	if (!algo_fidelity_of(b->s->algorithm.algorithm, &b->s->problem, f)) {
		b->s->problem.fidelity = NULL;
		if (scheduler || b->d->spec->fidelity != NULL)
			no_maximum(b);
		return;
	}
	if (f->param >= 0)
		check_parameter_range(b, f);
	else
		check_steps(b, f);
	if (build_clean(b, FIDELITY))
		check_rungs(b, f);
	b->s->fidelity = (struct fidelity){.given = true, .parameter = f->param, .min = f->min, .max = f->max,
		.eta = f->eta, .resume = f->resumable};
}

void build_fidelity(struct build *b)
{
	const struct algorithm *a = b->s->algorithm.algorithm;
	const struct doc_fidelity *d = b->d->spec->fidelity;
	const bool scheduler = (a->capabilities & ALGO_FIDELITY) != 0;
	if (!scheduler)
		check_plain(b);
	if (d != NULL) {
		agree(b, "r_l", "max", d->has_max, d->max);
		agree(b, "eta", "eta", d->has_eta, d->eta);
		agree_on_parameter(b);
	}
	if ((scheduler || d != NULL) && b->s->problem.space != NULL && build_clean(b, FIDELITY) && build_clean(b, SETTINGS))
		resolve(b, scheduler);
}

/* ---- early stopping ---------------------------------------------------------------------------- */

/* What a rule says of its settings together. */
struct rule_report {
	struct build *b;
	const char *pointer;    /* of its settings */
};

static void report_rule(void *ctx, const char *setting, int param, const char *message)
{
	const struct rule_report *r = ctx;
	(void)param;
	problem_add(r->b->p, setting != NULL ? problem_path(r->b->p, r->pointer, setting) : r->pointer, "bad-setting", "%s",
		message);
}

static const struct stop_rule *find_rule(struct build *b, const char *name, const char *pointer)
{
	const struct stop_rule *found = stop_rule_find(name);
	if (found != NULL)
		return found;
	const char **names = arena_calloc(b->a, n_stop_rules + 1, sizeof *names);
	for (size_t i = 0; i < n_stop_rules; i++)
		names[i] = stop_rules[i]->name;
	problem_unknown(b->p, pointer, "unknown-early-stopping", "an early-stopping rule", name, names);
	return NULL;
}

/* The rule's place among those that the stopper gets. */
static bool build_rule(struct build *b, const struct doc_stop_rule *d, const char *pointer, struct stop_rule_spec *out,
	struct stop_use *use)
{
	const char *at = problem_path(b->p, pointer, "name"), *settings_at = problem_path(b->p, pointer, "settings");
	const struct stop_rule *rule = d->name != NULL && build_clean(b, at) ? find_rule(b, d->name, at) : NULL;
	if (rule == NULL) {
		if (d->settings != NULL && !json_is_object(d->settings))
			problem_add(b->p, settings_at, "wrong-type", "expected an object of settings by name");
		return false;
	}
	/* To its settings a rule is what an algorithm is: a name and a table. */
	const struct algorithm table = {.name = rule->name, .settings = rule->settings, .n_settings = rule->n_settings};
	const struct settings settings = build_settings(b, &table, d->settings, settings_at);
	*out = (struct stop_rule_spec){rule->name, settings.given, settings.n};
	*use = (struct stop_use){rule, settings.values};
	return true;
}

/* Rules that compare need trials of equal length; an algorithm that grants lengths makes them unequal. */
static void check_company(struct build *b, const struct stop_use *use, const char *pointer, bool granted)
{
	if (granted && use->rule->compares)
		problem_add(b->p, pointer, "not-for-algorithm",
			"%s compares a trial with those that ran to the end, but with %s most are given less: leave the rule out%s",
			use->rule->name, b->s->algorithm.name,
			strcmp(b->s->algorithm.name, "asha") == 0 ? ", or take variant stopping" : ", or take asha");
}

static const struct json_list *choose_form(struct build *b, const struct doc_early_stopping *d, const char **pointer)
{
	static const struct json_list nothing = {0};
	const bool one = d->one.name != NULL || d->one.settings != NULL;
	const int forms = one + (d->any.n > 0) + (d->all.n > 0);
	*pointer = d->any.n > 0 ? EARLY_STOPPING "/any" : d->all.n > 0 ? EARLY_STOPPING "/all" : NULL;
	if (d->one.name == NULL && d->any.n == 0 && d->all.n == 0 && build_clean(b, EARLY_STOPPING))
		problem_add(b->p, EARLY_STOPPING "/name", "missing", "the name of a rule, or several in a list any or all");
	if (forms > 1)
		problem_add(b->p, EARLY_STOPPING, "conflict", "either one rule by name, or a list any, or a list all");
	return forms != 1 ? &nothing : d->any.n > 0 ? &d->any : d->all.n > 0 ? &d->all : NULL;
}

static size_t build_uses(struct build *b, const struct doc_early_stopping *d, struct stop_use *uses, bool granted)
{
	const char *list_at;
	const struct json_list *list = choose_form(b, d, &list_at);
	const struct doc_stop_rule *rules = list != NULL ? list->items : &d->one;
	const size_t n_given = list != NULL ? list->n : 1;
	struct stop_rule_spec *out = ARENA_NEW_N(b->a, struct stop_rule_spec, n_given + 1);
	size_t n = 0;
	for (size_t i = 0; i < n_given && i < SPEC_STOP_RULES_MAX; i++) {
		const char *pointer = list != NULL ? problem_index(b->p, list_at, i) : EARLY_STOPPING;
		if (!build_rule(b, &rules[i], pointer, &out[n], &uses[n]))
			continue;
		check_company(b, &uses[n], problem_path(b->p, pointer, "name"), granted);
		n++;
	}
	b->s->early_stopping = (struct early_stopping_spec){out, n, d->all.n > 0};
	return n;
}

/* Each rule judges its settings by itself, so that what it says has a place. */
static void check_uses(struct build *b, const struct stop_problem *p)
{
	for (uint32_t i = 0; i < p->n_uses; i++) {
		const struct doc_early_stopping *d = b->d->spec->early_stopping;
		const char *at = d->any.n + d->all.n == 0 ? EARLY_STOPPING
			: problem_index(b->p, d->any.n > 0 ? EARLY_STOPPING "/any" : EARLY_STOPPING "/all", i);
		struct rule_report r = {b, problem_path(b->p, at, "settings")};
		struct stop_problem one = *p;
		one.uses = &p->uses[i];
		one.n_uses = 1;
		stop_check(&one, report_rule, &r);
	}
}

/* The rungs that the algorithm wants its trials stopped at; NULL: none. */
static const struct algo_rungs *rungs_of(struct build *b)
{
	const struct algorithm *a = b->s->algorithm.algorithm;
	struct algo_rungs *rungs = ARENA_NEW(b->a, struct algo_rungs);
	if (a == NULL || a->rungs == NULL || b->s->problem.fidelity == NULL || !build_clean(b, ""))
		return NULL;
	if (!a->rungs(&b->s->problem, rungs))
		return NULL;
	b->s->fidelity.rungs = rungs->at;
	b->s->fidelity.n_rungs = rungs->n;
	return rungs;
}

bool spec_grants(const struct experiment_spec *s)
{
	struct algo_rungs rungs;
	const struct algorithm *a = s->algorithm.algorithm;
	return s->problem.fidelity != NULL && (a->capabilities & ALGO_FIDELITY) != 0 &&
		   !(a->rungs != NULL && a->rungs(&s->problem, &rungs));
}

/* What a search that grants makes of the rest of the document. */
static void check_granting(struct build *b)
{
	if (b->s->stop_when.rule != STOP_WHEN_NEVER)
		problem_add(b->p, "/spec/stopWhen", "not-for-algorithm",
			"converged judges results of full trials, but with %s most are given less: leave it out", b->s->algorithm.name);
}

void build_early_stopping(struct build *b)
{
	const struct doc_early_stopping *d = b->d->spec->early_stopping;
	struct stop_use *uses = ARENA_NEW_N(b->a, struct stop_use, SPEC_STOP_RULES_MAX);
	struct stop_problem *p = ARENA_NEW(b->a, struct stop_problem);
	const struct algo_rungs *rungs = rungs_of(b);
	const struct algo_fidelity *f = b->s->problem.fidelity;
	const bool granted = f != NULL && build_clean(b, "/spec/algorithm") && build_clean(b, FIDELITY) &&
						 build_clean(b, "/spec/objectives") && spec_grants(b->s);
	const uint32_t n = d != NULL ? (uint32_t)build_uses(b, d, uses, granted) : 0;
	if (granted)
		check_granting(b);
	/* Without a rule it still stops what goes on beyond its grant. */
	if ((n == 0 && rungs == NULL && !(granted && f->param < 0)) || b->s->n_objectives == 0)
		return;
	const struct objective *o = &b->s->objectives[0];
	*p = (struct stop_problem){
		.direction = o->direction == DIRECTION_MINIMIZE ? ALGO_MINIMIZE : ALGO_MAXIMIZE,
		.value = o->strategy == STRATEGY_LATEST ? STOP_LATEST : STOP_BEST,
		.metric = o->metric,
		.uses = uses,
		.n_uses = n,
		.all = b->s->early_stopping.all,
		.rungs = rungs,
		.max_resource = f != NULL && (rungs != NULL || f->param < 0) ? f->max : NAN,
	};
	if (b->s->n_objectives > 1 && (n > 0 || rungs != NULL))
		problem_add(b->warnings, EARLY_STOPPING, "first-objective",
			"trials are stopped by %s alone, whatever the other objectives say", o->metric);
	if (build_clean(b, EARLY_STOPPING))
		check_uses(b, p);
	b->s->stopping = p;
}
