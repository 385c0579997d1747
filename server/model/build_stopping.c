/* Which rules stop trials before their end, and what the stopper is told. */
#include <math.h>
#include <string.h>

#include "algorithms/stopping/stopper.h"
#include "lib/arena.h"
#include "server/model/build.h"

#define EARLY_STOPPING "/spec/earlyStopping"

_Static_assert((int)SPEC_STOP_RULES_MAX <= (int)STOP_RULES_MAX, "the stopper takes as many rules");

/* ---- rules ------------------------------------------------------------------------------------- */

/* Those that are right, in the document's order. */
struct rules {
	const struct stop_problem *problem;     /* but for the rules                                   */
	bool granted;                           /* most trials end before                              */
	struct stop_rule_spec *out;
	struct stop_use *uses;
	uint32_t n;
};

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

/* Rules that compare need trials of equal length; an algorithm that grants lengths makes them unequal. */
static void bad_company(struct build *b, const struct stop_rule *rule, const char *pointer)
{
	problem_add(b->p, pointer, "not-for-algorithm",
		"%s compares a trial with those that ran to the end, but with %s most are given less: leave the rule out%s",
		rule->name, b->s->algorithm.name,
		strcmp(b->s->algorithm.name, "asha") == 0 ? ", or take variant stopping" : ", or take asha");
}

/* A rule judges its settings alone, so that what it says has a place. */
static void check_use(struct build *b, const struct rules *r, const struct stop_use *use, const char *settings_at)
{
	struct rule_report report = {b, settings_at};
	struct stop_problem alone = *r->problem;
	alone.uses = use;
	alone.n_uses = 1;
	if (build_clean(b, settings_at))
		stop_check(&alone, report_rule, &report);
}

static void take_rule(struct build *b, const struct doc_stop_rule *d, const char *pointer, struct rules *r)
{
	const char *at = problem_path(b->p, pointer, "name"), *settings_at = problem_path(b->p, pointer, "settings");
	const struct stop_rule *rule = d->name != NULL && build_clean(b, at) ? find_rule(b, d->name, at) : NULL;
	if (rule == NULL) {
		if (d->settings != NULL && !json_is_object(d->settings))
			problem_add(b->p, settings_at, "wrong-type", "expected an object of settings by name");
		return;
	}
	/* To its settings a rule is what an algorithm is: a name and a table. */
	const struct algorithm table = {.name = rule->name, .settings = rule->settings, .n_settings = rule->n_settings};
	const struct settings settings = build_settings(b, &table, d->settings, settings_at);
	const struct stop_use use = {rule, settings.values};
	check_use(b, r, &use, settings_at);
	if (r->granted && rule->compares)
		bad_company(b, rule, at);
	if (r->n == SPEC_STOP_RULES_MAX)
		return;
	r->out[r->n] = (struct stop_rule_spec){rule->name, settings.given, settings.n};
	r->uses[r->n++] = use;
}

static void take_list(struct build *b, const struct json_list *list, const char *pointer, struct rules *r)
{
	const struct doc_stop_rule *rules = list->items;
	for (size_t i = 0; i < list->n; i++)
		take_rule(b, &rules[i], problem_index(b->p, pointer, i), r);
}

/* One rule or one of the lists; where there are several forms, each is looked at nevertheless. */
static void build_uses(struct build *b, const struct doc_early_stopping *d, struct rules *r)
{
	const bool one = d->one.name != NULL || d->one.settings != NULL;
	if (d->one.name == NULL && d->any.n == 0 && d->all.n == 0 && build_clean(b, EARLY_STOPPING))
		problem_add(b->p, EARLY_STOPPING "/name", "missing", "the name of a rule, or several in a list any or all");
	if (one + (d->any.n > 0) + (d->all.n > 0) > 1)
		problem_add(b->p, EARLY_STOPPING, "conflict", "either one rule by name, or a list any, or a list all");
	if (one)
		take_rule(b, &d->one, EARLY_STOPPING, r);
	take_list(b, &d->any, EARLY_STOPPING "/any", r);
	take_list(b, &d->all, EARLY_STOPPING "/all", r);
	b->s->early_stopping = (struct early_stopping_spec){r->out, r->n, d->all.n > 0};
}

/* ---- what the algorithm does by itself --------------------------------------------------------- */

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

/* Also of a search whose lengths are not understood, if it grants them in any case. */
static bool grants(const struct build *b)
{
	const struct algorithm *a = b->s->algorithm.algorithm;
	if (a == NULL || !(a->capabilities & ALGO_FIDELITY))
		return false;
	return a->rungs == NULL || (b->s->problem.fidelity != NULL && build_clean(b, "/spec/algorithm") &&
								   build_clean(b, "/spec/fidelity") && build_clean(b, "/spec/objectives") &&
								   spec_grants(b->s));
}

/* ---- the whole --------------------------------------------------------------------------------- */

static void describe_objective(const struct build *b, struct stop_problem *p)
{
	if (b->s->n_objectives == 0)
		return;
	const struct objective *o = &b->s->objectives[0];
	p->direction = o->direction == DIRECTION_MINIMIZE ? ALGO_MINIMIZE : ALGO_MAXIMIZE;
	p->value = o->strategy == STRATEGY_LATEST ? STOP_LATEST : STOP_BEST;
	p->metric = o->metric;
}

void build_early_stopping(struct build *b)
{
	const struct doc_early_stopping *d = b->d->spec->early_stopping;
	struct stop_problem *p = ARENA_NEW(b->a, struct stop_problem);
	const struct algo_fidelity *f = b->s->problem.fidelity;
	struct rules r = {.problem = p, .granted = grants(b)};
	p->rungs = rungs_of(b);
	p->max_resource = f != NULL && (p->rungs != NULL || f->param < 0) ? f->max : NAN;
	describe_objective(b, p);
	r.out = ARENA_NEW_N(b->a, struct stop_rule_spec, SPEC_STOP_RULES_MAX);
	r.uses = ARENA_NEW_N(b->a, struct stop_use, SPEC_STOP_RULES_MAX);
	if (d != NULL)
		build_uses(b, d, &r);
	p->uses = r.uses;
	p->n_uses = r.n;
	p->all = b->s->early_stopping.all;
	if (r.granted && b->s->stop_when.rule != STOP_WHEN_NEVER)
		problem_add(b->p, "/spec/stopWhen", "not-for-algorithm",
			"converged judges results of full trials, but with %s most are given less: leave it out", b->s->algorithm.name);
	if (b->s->n_objectives > 1 && (r.n > 0 || p->rungs != NULL))
		problem_add(b->warnings, EARLY_STOPPING, "first-objective",
			"trials are stopped by %s alone, whatever the other objectives say", p->metric);
	/* Without a rule it still stops what goes on beyond its grant. */
	if (b->s->n_objectives > 0 && (r.n > 0 || p->rungs != NULL || (r.granted && f != NULL && f->param < 0)))
		b->s->stopping = p;
}
