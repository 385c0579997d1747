/* The normalised document: every default written out, the keys in one order, the numbers exact. */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/hash.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "server/model/document.h"
#include "server/model/params.h"
#include "server/model/spec.h"

/* The largest unit that divides it: exact, and as a person would write it. */
static void write_duration(struct json_writer *w, const char *key, int64_t us)
{
	static const struct {
		int64_t us;
		const char *unit;
	} units[] = {{86400000000, "d"}, {3600000000, "h"}, {60000000, "m"}, {1000000, "s"}, {1000, "ms"}};
	char text[40];
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (us % units[i].us == 0) {
			snprintf(text, sizeof text, "%" PRId64 "%s", us / units[i].us, units[i].unit);
			jw_str(w, key, text);
			return;
		}
	}
	jw_num(w, key, (double)us / 1e6);
}

static void write_optional(struct json_writer *w, const char *key, const char *value)
{
	if (value != NULL)
		jw_str(w, key, value);
}

static void write_tree(struct json_writer *w, const char *key, const cJSON *v)
{
	if (v != NULL)
		jw_value(w, key, v);
}

static void write_pairs(struct json_writer *w, const char *key, const struct json_pair *pairs, size_t n)
{
	if (n == 0)
		return;
	jw_object(w, key);
	for (size_t i = 0; i < n; i++)
		jw_str(w, pairs[i].key, pairs[i].value);
	jw_end(w);
}

static void write_objectives(struct json_writer *w, const struct experiment_spec *s)
{
	jw_array(w, "objectives");
	for (size_t i = 0; i < s->n_objectives; i++) {
		const struct objective *o = &s->objectives[i];
		jw_object(w, NULL);
		jw_str(w, "metric", o->metric);
		jw_str(w, "direction", direction_names[o->direction]);
		if (o->has_goal)
			jw_num(w, "goal", o->goal);
		jw_str(w, "strategy", strategy_names[o->strategy]);
		jw_end(w);
	}
	jw_end(w);
}

static void write_constraints(struct json_writer *w, const struct experiment_spec *s)
{
	if (s->n_constraints == 0)
		return;
	jw_array(w, "constraints");
	for (size_t i = 0; i < s->n_constraints; i++) {
		const struct outcome_constraint *c = &s->constraints[i];
		jw_object(w, NULL);
		jw_str(w, "metric", c->metric);
		if (isfinite(c->min))
			jw_num(w, "min", c->min);
		if (isfinite(c->max))
			jw_num(w, "max", c->max);
		jw_str(w, "strategy", strategy_names[c->strategy]);
		jw_end(w);
	}
	jw_end(w);
}

static void write_range(struct json_writer *w, const struct parameter *q)
{
	if (q->type == PARAM_INT) {
		jw_int(w, "min", (int64_t)q->min);
		jw_int(w, "max", (int64_t)q->max);
		jw_int(w, "step", (int64_t)q->step);
	} else {
		jw_num(w, "min", q->min);
		jw_num(w, "max", q->max);
		if (q->step > 0)
			jw_num(w, "step", q->step);
	}
	jw_str(w, "scale", scale_names[q->scale]);
	jw_str(w, "distribution", distribution_names[q->distribution]);
	if (q->distribution == DIST_NORMAL || q->distribution == DIST_LOG_NORMAL) {
		jw_num(w, "mean", q->mean);
		jw_num(w, "sd", q->sd);
	}
}

static void write_when(struct json_writer *w, const struct experiment_spec *s, const struct parameter *q)
{
	if (q->n_when == 0)
		return;
	jw_object(w, "when");
	for (size_t i = 0; i < q->n_when; i++) {
		const struct param_condition *c = &q->when[i];
		const struct parameter *parent = &s->parameters[c->parent];
		jw_array(w, parent->name);
		for (size_t k = 0; k < c->n_values; k++)
			param_write(w, NULL, parent, c->values[k]);
		jw_end(w);
	}
	jw_end(w);
}

static void write_parameters(struct json_writer *w, const struct experiment_spec *s)
{
	jw_object(w, "parameters");
	for (size_t i = 0; i < s->n_parameters; i++) {
		const struct parameter *q = &s->parameters[i];
		jw_object(w, q->name);
		jw_str(w, "type", param_type_names[q->type]);
		if (q->n_choices == 0)
			write_range(w, q);
		if (q->n_choices > 0) {
			jw_array(w, "values");
			for (size_t k = 0; k < q->n_choices; k++)
				param_write(w, NULL, q, (double)k);
			jw_end(w);
		}
		write_when(w, s, q);
		jw_end(w);
	}
	jw_end(w);
}

static void write_settings(struct json_writer *w, const struct setting *settings, size_t n)
{
	if (n == 0)
		return;
	jw_object(w, "settings");
	for (size_t i = 0; i < n; i++)
		jw_value(w, settings[i].name, settings[i].value);
	jw_end(w);
}

static void write_algorithm(struct json_writer *w, const struct experiment_spec *s)
{
	jw_object(w, "algorithm");
	jw_str(w, "name", s->algorithm.name);
	if (s->algorithm.has_seed)
		jw_int(w, "seed", s->algorithm.seed);
	write_settings(w, s->algorithm.settings, s->algorithm.n_settings);
	jw_end(w);
}

static void write_fidelity(struct json_writer *w, const struct experiment_spec *s)
{
	const struct fidelity *f = &s->fidelity;
	if (!f->given)
		return;
	jw_object(w, "fidelity");
	if (f->parameter >= 0)
		jw_str(w, "parameter", s->parameters[f->parameter].name);
	jw_num(w, "min", f->min);
	jw_num(w, "max", f->max);
	jw_num(w, "eta", f->eta);
	jw_bool(w, "resume", f->resume);
	if (f->n_rungs > 0) {
		jw_array(w, "rungs");
		for (size_t k = 0; k < f->n_rungs; k++)
			jw_num(w, NULL, f->rungs[k]);
		jw_end(w);
	}
	jw_end(w);
}

static void write_rule(struct json_writer *w, const struct stop_rule_spec *rule)
{
	jw_str(w, "name", rule->name);
	write_settings(w, rule->settings, rule->n_settings);
}

/* A list of one is written as the one. */
static void write_early_stopping(struct json_writer *w, const struct experiment_spec *s)
{
	const struct early_stopping_spec *e = &s->early_stopping;
	if (e->n_rules == 0)
		return;
	jw_object(w, "earlyStopping");
	if (e->n_rules == 1) {
		write_rule(w, &e->rules[0]);
	} else {
		jw_array(w, e->all ? "all" : "any");
		for (size_t i = 0; i < e->n_rules; i++) {
			jw_object(w, NULL);
			write_rule(w, &e->rules[i]);
			jw_end(w);
		}
		jw_end(w);
	}
	jw_end(w);
}

static void write_budget(struct json_writer *w, const struct experiment_spec *s)
{
	const struct budget *b = &s->budget;
	jw_object(w, "budget");
	if (b->max_trials > 0)
		jw_int(w, "maxTrials", b->max_trials);
	jw_int(w, "parallelTrials", b->parallel_trials);
	if (b->max_failed_trials >= 0)
		jw_int(w, "maxFailedTrials", b->max_failed_trials);
	if (b->max_duration_us > 0)
		write_duration(w, "maxDuration", b->max_duration_us);
	jw_end(w);
}

static void write_initial_trials(struct json_writer *w, const struct experiment_spec *s)
{
	if (s->n_initial_trials == 0)
		return;
	jw_array(w, "initialTrials");
	for (size_t i = 0; i < s->n_initial_trials; i++) {
		jw_object(w, NULL);
		params_write(w, "parameters", s, s->initial_trials[i]);
		jw_end(w);
	}
	jw_end(w);
}

/* A source of the same namespace goes by its name alone. */
static void write_warm_start(struct json_writer *w, const struct experiment_spec *s)
{
	char text[SPEC_NAMESPACE_MAX + 1 + SPEC_NAME_MAX + 1];

	if (s->n_sources == 0)
		return;
	jw_array(w, "warmStart");
	for (size_t i = 0; i < s->n_sources; i++) {
		const struct warm_source *from = &s->sources[i];
		bool here = strcmp(from->namespace, s->namespace) == 0;
		snprintf(text, sizeof text, "%s%s%s", here ? "" : from->namespace, here ? "" : "/", from->name);
		jw_str(w, NULL, text);
	}
	jw_end(w);
}

static void write_stop_when(struct json_writer *w, const struct experiment_spec *s)
{
	if (s->stop_when.rule == STOP_WHEN_NEVER)
		return;
	jw_object(w, "stopWhen");
	jw_str(w, "rule", stop_rule_names[s->stop_when.rule - STOP_WHEN_CONVERGED]);
	jw_num(w, "tolerance", s->stop_when.tolerance);
	jw_int(w, "minTrials", s->stop_when.min_trials);
	jw_end(w);
}

static void write_retry(struct json_writer *w, const struct experiment_spec *s)
{
	jw_object(w, "retry");
	jw_int(w, "onLost", s->retry.on_lost);
	jw_int(w, "onFailed", s->retry.on_failed);
	jw_end(w);
}

static void write_resources(struct json_writer *w, const struct resources *r)
{
	if (r->cpu == NULL && r->memory == NULL && r->gpu == 0)
		return;
	jw_object(w, "resources");
	write_optional(w, "cpu", r->cpu);
	write_optional(w, "memory", r->memory);
	if (r->gpu > 0)
		jw_int(w, "gpu", r->gpu);
	if (r->gpu > 0 && strcmp(r->gpu_resource, DEFAULT_GPU_RESOURCE) != 0)
		jw_str(w, "gpuResource", r->gpu_resource);
	jw_end(w);
}

static void write_metrics(struct json_writer *w, const struct metrics_spec *m)
{
	bool reads = m->collector == COLLECTOR_STDOUT || m->collector == COLLECTOR_FILE ||
				 m->fallback == COLLECTOR_STDOUT || m->fallback == COLLECTOR_FILE;
	jw_object(w, "metrics");
	jw_str(w, "collector", collector_names[m->collector]);
	if (m->collector == COLLECTOR_PUSH)
		jw_str(w, "fallback", collector_names[m->fallback]);
	write_optional(w, "path", m->path);
	if (reads)
		jw_str(w, "format", lines_format_names[m->format]);
	if (m->n_patterns > 0) {
		jw_array(w, "patterns");
		for (size_t i = 0; i < m->n_patterns; i++)
			jw_str(w, NULL, m->patterns[i]);
		jw_end(w);
	}
	jw_end(w);
}

static void write_program(struct json_writer *w, const struct trial_template *t)
{
	if (t->n_command > 0) {
		jw_array(w, "command");
		for (size_t i = 0; i < t->n_command; i++)
			jw_str(w, NULL, t->command[i]);
		jw_end(w);
	}
	if (t->n_env > 0) {
		jw_object(w, "env");
		for (size_t i = 0; i < t->n_env; i++)
			jw_str(w, t->env[i].name, t->env[i].value);
		jw_end(w);
	}
	write_optional(w, "workingDirectory", t->working_directory);
}

static void write_checkpoints(struct json_writer *w, const struct checkpoint_volume *c)
{
	if (c->path == NULL)
		return;
	jw_object(w, "checkpoints");
	write_optional(w, "claim", c->claim);
	write_optional(w, "size", c->size);
	write_optional(w, "storageClass", c->storage_class);
	write_optional(w, "accessMode", c->access_mode);
	jw_str(w, "path", c->path);
	jw_end(w);
}

static void write_aliases(struct json_writer *w, const struct trial_template *t)
{
	if (t->n_aliases == 0)
		return;
	jw_object(w, "trialParameters");
	for (size_t i = 0; i < t->n_aliases; i++)
		jw_str(w, t->aliases[i].name, t->aliases[i].reference);
	jw_end(w);
}

static void write_kubernetes(struct json_writer *w, const struct trial_template *t)
{
	write_optional(w, "image", t->image);
	write_optional(w, "namespace", t->namespace);
	write_optional(w, "serviceAccount", t->service_account);
	write_tree(w, "nodeSelector", t->node_selector);
	write_tree(w, "tolerations", t->tolerations);
	write_tree(w, "manifest", t->manifest);
	write_optional(w, "primaryContainer", t->primary_container);
	write_pairs(w, "primaryPodLabels", t->primary_labels, t->n_primary_labels);
	write_optional(w, "successWhen", t->success_when);
	write_optional(w, "failureWhen", t->failure_when);
	write_aliases(w, t);
	write_checkpoints(w, &t->checkpoints);
	if (t->retain)
		jw_bool(w, "retain", true);
}

static void write_trial(struct json_writer *w, const struct trial_template *t)
{
	jw_object(w, "trial");
	write_optional(w, "executor", executor_name(t->executor));
	write_program(w, t);
	if (t->timeout_us > 0)
		write_duration(w, "timeout", t->timeout_us);
	if (t->executor != EXECUTOR_WORKER) {
		jw_int(w, "terminationGracePeriodSeconds", t->grace_period_us / 1000000);
		write_metrics(w, &t->metrics);
	}
	write_resources(w, &t->resources);
	write_kubernetes(w, t);
	jw_end(w);
}

static void write_notify(struct json_writer *w, const struct experiment_spec *s)
{
	if (s->n_notify == 0)
		return;
	jw_array(w, "notify");
	for (size_t i = 0; i < s->n_notify; i++) {
		const struct notify *n = &s->notify[i];
		jw_object(w, NULL);
		jw_str(w, "url", n->url);
		jw_array(w, "on");
		for (size_t k = 0; notify_names[k] != NULL; k++) {
			if (n->on & 1u << k)
				jw_str(w, NULL, notify_names[k]);
		}
		jw_end(w);
		write_optional(w, "secret", n->secret);
		jw_end(w);
	}
	jw_end(w);
}

void spec_write(struct json_writer *w, const char *key, const struct experiment_spec *s)
{
	jw_object(w, key);
	write_objectives(w, s);
	write_parameters(w, s);
	write_constraints(w, s);
	write_algorithm(w, s);
	write_fidelity(w, s);
	write_early_stopping(w, s);
	write_budget(w, s);
	write_stop_when(w, s);
	write_initial_trials(w, s);
	write_warm_start(w, s);
	write_retry(w, s);
	write_trial(w, &s->trial);
	write_notify(w, s);
	jw_end(w);
}

void spec_write_metadata(struct json_writer *w, const struct experiment_spec *s)
{
	jw_str(w, "name", s->name);
	jw_str(w, "namespace", s->namespace);
	write_pairs(w, "labels", s->labels, s->n_labels);
	write_pairs(w, "annotations", s->annotations, s->n_annotations);
}

const char *spec_document(const struct experiment_spec *s, struct arena *a)
{
	struct strbuf b;
	struct json_writer w;
	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "apiVersion", DOCUMENT_API_VERSION);
	jw_str(&w, "kind", DOCUMENT_KIND);
	jw_object(&w, "metadata");
	spec_write_metadata(&w, s);
	jw_end(&w);
	spec_write(&w, "spec", s);
	jw_end(&w);
	const char *text = arena_strndup(a, b.data, b.len);
	strbuf_free(&b);
	return text;
}

void spec_sha256(const struct experiment_spec *s, char out[SPEC_SHA256_MAX])
{
	struct strbuf b;
	struct json_writer w;
	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	spec_write(&w, NULL, s);
	hash_sha256_hex(b.data, b.len, out);
	strbuf_free(&b);
}
