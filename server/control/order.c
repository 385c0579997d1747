/* A trial and its experiment's template become an order for a backend. */
#include "server/control/internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "server/model/render.h"
#include "server/model/trial_token.h"

struct run_key order_key(const struct experiment *x, const struct trial *t)
{
	struct run_key key = {.experiment_id = x->id, .number = t->number, .attempt = t->attempt};

	snprintf(key.uid, sizeof key.uid, "%s", x->uid);
	return key;
}

/* The first trial of its configuration: each rung is a trial of its own, and goes on from the one before. */
static uint32_t first_of_line(const struct experiment *x, const struct trial *t)
{
	while (t->parent > 0 && t->parent < (uint32_t)t->number && t->parent <= (uint32_t)x->n_trials)
		t = &x->trials[t->parent - 1];
	return (uint32_t)t->number;
}

/* Steps that are granted, or that a full trial has. */
static int64_t budget_steps(const struct experiment_spec *s, const struct trial *t)
{
	if (s->fidelity.given && s->fidelity.parameter >= 0)
		return 0;
	if (t->resource > 0)
		return (int64_t)ceil(t->resource);
	return s->fidelity.given ? (int64_t)s->fidelity.max : 0;
}

/* Does a parent mean an earlier rung of the same configuration? Population-based training means another. */
static bool promotes(const struct experiment_spec *s)
{
	return s->fidelity.given && (s->algorithm.algorithm->capabilities & ALGO_FIDELITY);
}

/* A promoted trial that does not resume knows nothing of the one before. */
static uint32_t parent_of(const struct experiment_spec *s, const struct trial *t)
{
	return promotes(s) && !s->fidelity.resume ? 0 : t->parent;
}

static struct trial_facts facts_of(struct control *c, struct experiment *x, struct trial *t, struct arena *a)
{
	char *token = arena_alloc(a, TRIAL_TOKEN_MAX), *name = arena_alloc(a, TRIAL_NAME_MAX);

	trial_token_make(token, c->config.trial_key, c->config.trial_key_len, x->id, t->number);
	trial_name(name, x->name, x->uid, t->number);
	return (struct trial_facts){
		.spec = x->spec,
		.x = experiment_x(x, t->number),
		.name = name,
		.number = t->number,
		.attempt = t->attempt,
		.seed = trial_seed(x->seed, t->number),
		.budget_steps = budget_steps(x->spec, t),
		.parent = parent_of(x->spec, t),
		.trial_url = arena_printf(a, "%s/api/v1/namespaces/%s/experiments/%s/trials/%" PRId32,
			c->config.base_url, x->ns, x->name, t->number),
		.token = token,
	};
}

/* Every metric is kept, not only the objectives: a collector that was given names would drop the rest. */
static struct run_metrics metrics_of(const struct metrics_spec *m)
{
	const enum collector from = m->collector == COLLECTOR_PUSH ? m->fallback : m->collector;

	return (struct run_metrics){
		.collector = from == COLLECTOR_STDOUT ? RUN_COLLECT_STDOUT
			: from == COLLECTOR_FILE ? RUN_COLLECT_FILE : RUN_COLLECT_NONE,
		.fallback = m->collector == COLLECTOR_PUSH,
		.json_lines = m->format == LINES_JSON,
		.path = m->path,
		.patterns = m->n_patterns ? m->patterns : NULL,
	};
}

/* A condition of the document as the list of one that backends take. */
static const char *const *one_way(const char *query, struct arena *a)
{
	const char **list = query ? ARENA_NEW_N(a, const char *, 2) : NULL;

	if (list)
		list[0] = query;
	return list;
}

static const char *const *labels_of(const struct trial_template *template, struct arena *a)
{
	const size_t n = template->n_primary_labels;
	const char **list = n > 0 ? ARENA_NEW_N(a, const char *, n + 1) : NULL;

	for (size_t i = 0; i < n; i++)
		list[i] = arena_printf(a, "%s=%s", template->primary_labels[i].key, template->primary_labels[i].value);
	return list;
}

/* A claim of our own is the experiment's, not that of one of the same name before. */
static const char *claim_of(const struct experiment *x, struct arena *a)
{
	const struct checkpoint_volume *c = &x->spec->trial.checkpoints;

	return c->claim ? c->claim : arena_printf(a, "%s-checkpoints-%.8s", x->name, x->uid);
}

static const struct run_object *object_of(const struct experiment *x, const struct trial_facts *facts, struct arena *a)
{
	const struct trial_template *template = &x->spec->trial;
	const cJSON *manifest = render_manifest(facts, a);
	struct run_object *o = manifest ? ARENA_NEW(a, struct run_object) : NULL;

	if (!o)
		return NULL;
	o->manifest = manifest;
	o->ns = template->namespace ? template->namespace : x->ns;
	o->primary_container = template->primary_container;
	o->primary_labels = labels_of(template, a);
	o->success_when = one_way(template->success_when, a);
	o->failure_when = one_way(template->failure_when, a);
	o->retain = template->retain;
	o->checkpoint_path = template->checkpoints.path;
	if (o->checkpoint_path) {
		o->checkpoint_claim = claim_of(x, a);
		o->checkpoint_spec = render_claim(x->spec, a);
	}
	return o;
}

const struct run_order *order_make(struct control *c, struct experiment *x, struct trial *t, struct arena *a)
{
	const struct trial_template *template = &x->spec->trial;
	const struct trial_facts facts = facts_of(c, x, t, a);
	struct run_order *o = ARENA_NEW(a, struct run_order);
	size_t n;

	o->key = order_key(x, t);
	if (promotes(x->spec) && x->spec->fidelity.resume)
		o->line = (int32_t)first_of_line(x, t);
	else
		o->parent = (int32_t)facts.parent;
	o->ns = x->ns;
	o->experiment = x->name;
	o->trial = facts.name;
	o->argv = (const char *const *)render_command(&facts, a, &n);
	o->env = (const char *const *)render_env(&facts, a, &n);
	o->cwd = template->working_directory ? render_text(&facts, template->working_directory, a) : NULL;
	o->object = object_of(x, &facts, a);
	o->timeout_us = template->timeout_us;
	o->grace_us = template->grace_period_us;
	o->resources = (struct run_resources){.cpu = (double)template->resources.cpu_millis / 1000,
		.memory = template->resources.memory_bytes, .gpu = (int32_t)template->resources.gpu};
	o->metrics = metrics_of(&template->metrics);
	if (o->metrics.path)
		o->metrics.path = render_text(&facts, o->metrics.path, a);
	return o;
}
