/* The trial block: which executor, what it runs, where its metrics come from. */
#include <string.h>

#include "lib/arena.h"
#include "lib/num.h"
#include "server/model/build.h"
#include "server/model/lines.h"
#include "server/model/render.h"

#define TRIAL "/spec/trial"

/* ---- executor ---------------------------------------------------------------------------------- */

enum executor build_executor(const struct build *b)
{
	const struct doc_trial *d = b->d->spec->trial;

	if (d == NULL)
		return EXECUTOR_WORKER;
	if (d->has_executor)
		return (enum executor)(d->executor + EXECUTOR_LOCAL);
	if (d->manifest != NULL || d->image != NULL)
		return EXECUTOR_KUBERNETES;
	return b->opt->executor;
}

#define ON(e) (1u << (e))
#define RUNS_COMMANDS (ON(EXECUTOR_LOCAL) | ON(EXECUTOR_KUBERNETES) | ON(EXECUTOR_SIMULATED))

/* Fields that some executors have no use for: better refused than ignored. */
static void check_fields(struct build *b, const struct doc_trial *d, enum executor e)
{
	const struct {
		const char *name;
		bool given;
		unsigned executors;
		bool with_manifest;
	} fields[] = {
		{"command", d->command.n > 0, RUNS_COMMANDS, false},
		{"env", d->env.n > 0, RUNS_COMMANDS, true},
		{"workingDirectory", d->working_directory != NULL, RUNS_COMMANDS, false},
		{"resources", d->resources != NULL, RUNS_COMMANDS, false},
		{"metrics", d->metrics != NULL, RUNS_COMMANDS, true},
		{"image", d->image != NULL, ON(EXECUTOR_KUBERNETES), false},
		{"namespace", d->namespace != NULL, ON(EXECUTOR_KUBERNETES), true},
		{"serviceAccount", d->service_account != NULL, ON(EXECUTOR_KUBERNETES), false},
		{"nodeSelector", d->node_selector != NULL, ON(EXECUTOR_KUBERNETES), false},
		{"tolerations", d->tolerations != NULL, ON(EXECUTOR_KUBERNETES), false},
		{"manifest", d->manifest != NULL, ON(EXECUTOR_KUBERNETES), true},
		{"primaryContainer", d->primary_container != NULL, ON(EXECUTOR_KUBERNETES), true},
		{"primaryPodLabels", d->primary_labels.n > 0, ON(EXECUTOR_KUBERNETES), true},
		{"trialParameters", d->aliases.n > 0, ON(EXECUTOR_KUBERNETES), true},
		{"checkpoints", d->checkpoints != NULL, ON(EXECUTOR_KUBERNETES), true},
		{"successWhen", d->success_when != NULL, ON(EXECUTOR_KUBERNETES), true},
		{"failureWhen", d->failure_when != NULL, ON(EXECUTOR_KUBERNETES), true},
		{"retain", d->retain, ON(EXECUTOR_KUBERNETES), true},
	};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *pointer = problem_path(b->p, TRIAL, fields[i].name);
		if (!fields[i].given)
			continue;
		if (e != EXECUTOR_DEFAULT && !(fields[i].executors & ON(e)))
			problem_add(b->p, pointer, "not-for-executor", "%s means nothing to the %s executor",
				fields[i].name, executor_name(e));
		else if (d->manifest != NULL && !fields[i].with_manifest)
			problem_add(b->p, pointer, "not-with-manifest", "the manifest says this; write it there");
	}
}

static void check_needs(struct build *b, const struct doc_trial *d, enum executor e)
{
	bool runs = d->command.n > 0 || d->manifest != NULL || (e == EXECUTOR_KUBERNETES && d->image != NULL);
	bool clean = build_clean(b, TRIAL "/command") && build_clean(b, TRIAL "/image");
	bool wraps = d->metrics != NULL && d->metrics->path != NULL && d->manifest == NULL;
	if (!clean || e == EXECUTOR_WORKER || e == EXECUTOR_SIMULATED)
		return;
	if (!runs)
		problem_add(b->p, TRIAL "/command", "missing", "a trial needs a command to run");
	else if (e == EXECUTOR_KUBERNETES && d->image == NULL && d->manifest == NULL)
		problem_add(b->p, TRIAL "/image", "missing", "a trial on Kubernetes needs an image, or a manifest");
	else if (e == EXECUTOR_KUBERNETES && wraps && d->command.n == 0)
		problem_add(b->p, TRIAL "/command", "missing",
			"where metrics are read from a file the command must be told: what the image would start is not known here");
}

/* ---- placeholders ------------------------------------------------------------------------------ */

static void advise_unused(struct build *b, const struct doc_trial *d, const bool *used)
{
	const char *where = d->manifest != NULL ? TRIAL "/manifest" : TRIAL "/command";
	size_t n_used = 0;
	for (size_t i = 0; i < b->s->n_parameters; i++)
		n_used += used[i];
	if (n_used == 0) {
		problem_add(b->warnings, where, "unused-parameter",
			"no parameter occurs in it; the program must read them from TRIMTAB_PARAMS");
		return;
	}
	for (size_t i = 0; i < b->s->n_parameters; i++) {
		if (!used[i])
			problem_add(b->warnings, where, "unused-parameter",
				"${%s} does not occur in it; the program can only read it from TRIMTAB_PARAMS", b->names[i]);
	}
}

static void check_placeholders(struct build *b, const struct doc_trial *d)
{
	if (b->s->n_parameters == 0) /* they could not be read: nothing is known of any name */
		return;
	bool *used = ARENA_NEW_N(b->a, bool, b->s->n_parameters);
	struct render_scope scope = render_scope_of(b->s);
	const char *const *words = d->command.items;
	for (size_t i = 0; i < d->command.n; i++) {
		if (words[i] != NULL)
			render_check(words[i], &scope, used, problem_index(b->p, TRIAL "/command", i), b->p);
	}
	const struct json_pair *env = d->env.items;
	for (size_t i = 0; i < d->env.n; i++) {
		if (env[i].value != NULL)
			render_check(env[i].value, &scope, used, problem_path(b->p, TRIAL "/env", env[i].key), b->p);
	}
	if (d->working_directory != NULL)
		render_check(d->working_directory, &scope, used, TRIAL "/workingDirectory", b->p);
	if (d->metrics != NULL && d->metrics->path != NULL)
		render_check(d->metrics->path, &scope, used, TRIAL "/metrics/path", b->p);
	if (d->manifest != NULL)
		build_check_manifest_text(b, d->manifest, &scope, used);
	if (d->command.n > 0 || d->manifest != NULL)
		advise_unused(b, d, used);
}

/* ---- command, environment, resources ----------------------------------------------------------- */

static void build_command(struct build *b, const struct doc_trial *d)
{
	const char *const *words = d->command.items;
	const char **out = arena_calloc(b->a, d->command.n + 1, sizeof *out);
	for (size_t i = 0; i < d->command.n; i++)
		out[i] = words[i];
	if (d->command.n > 0 && words[0] != NULL && words[0][0] == '\0')
		problem_add(b->p, TRIAL "/command/0", "too-short", "the program's name is empty");
	b->s->trial.command = d->command.n > 0 ? out : NULL;
	b->s->trial.n_command = d->command.n;
}

static bool env_name_valid(const char *s)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
	size_t n = strlen(s);
	return n > 0 && n <= 255 && strspn(s, allowed) == n && (s[0] < '0' || s[0] > '9');
}

static void build_env(struct build *b, const struct doc_trial *d)
{
	const struct json_pair *pairs = d->env.items;
	struct env_var *out = ARENA_NEW_N(b->a, struct env_var, d->env.n);
	for (size_t i = 0; i < d->env.n; i++) {
		const char *pointer = problem_path(b->p, TRIAL "/env", pairs[i].key);
		if (!env_name_valid(pairs[i].key))
			problem_add(b->p, pointer, "bad-name",
				"'%.80s' is not the name of a variable: letters, digits and _, not starting with a digit",
				pairs[i].key);
		else if (env_name_reserved(pairs[i].key))
			problem_add(b->p, pointer, "reserved-name", "%s is set for each trial", pairs[i].key);
		out[i] = (struct env_var){pairs[i].key, pairs[i].value};
	}
	b->s->trial.env = out;
	b->s->trial.n_env = d->env.n;
}

/* "500m" or "1.5" processors in thousandths. */
static bool parse_cpu(const char *s, int64_t *millis)
{
	size_t n = strlen(s);
	bool milli = n > 1 && s[n - 1] == 'm';
	double x;
	if (!num_parse(s, milli ? n - 1 : n, false, &x) || x <= 0 || x > 1e6)
		return false;
	*millis = (int64_t)(milli ? x : x * 1000 + 0.5);
	return *millis > 0;
}

static void build_resources(struct build *b, const struct doc_trial *d)
{
	const struct doc_resources *r = d->resources;
	struct resources *out = &b->s->trial.resources;
	if (r == NULL)
		return;
	*out = (struct resources){.cpu = r->cpu, .memory = r->memory, .gpu = r->gpu};
	out->gpu_resource = r->gpu_resource != NULL ? r->gpu_resource : DEFAULT_GPU_RESOURCE;
	if (r->cpu != NULL && !parse_cpu(r->cpu, &out->cpu_millis))
		problem_add(b->p, TRIAL "/resources/cpu", "bad-quantity",
			"'%.40s' is not a number of processors; write 2, 0.5 or \"500m\"", r->cpu);
	if (r->memory != NULL && (!num_parse_bytes(r->memory, &out->memory_bytes) || out->memory_bytes <= 0))
		problem_add(b->p, TRIAL "/resources/memory", "bad-quantity",
			"'%.40s' is not a number of bytes; write \"512Mi\" or \"4Gi\"", r->memory);
}

static void check_directory(struct build *b, const struct doc_trial *d)
{
	const char *s = d->working_directory;
	if (s != NULL && s[0] != '/' && strncmp(s, "${", 2) != 0 && build_clean(b, TRIAL "/workingDirectory"))
		problem_add(b->p, TRIAL "/workingDirectory", "not-absolute",
			"'%.80s' is relative; the server runs somewhere else, so write the whole path", s);
}

/* ---- metrics ----------------------------------------------------------------------------------- */

static void check_patterns(struct build *b, const struct doc_metrics *d)
{
	const char *const *patterns = d->patterns.items;
	if (d->patterns.n > 0 && d->has_format && d->format == LINES_JSON)
		problem_add(b->p, TRIAL "/metrics/patterns", "not-for-format", "json lines need no patterns");
	for (size_t i = 0; i < d->patterns.n; i++) {
		struct err e;
		if (patterns[i] != NULL && !line_pattern_check(patterns[i], &e))
			problem_add(
				b->p, problem_index(b->p, TRIAL "/metrics/patterns", i), "bad-pattern", "%s", e.detail);
	}
}

static void check_metrics(struct build *b, const struct doc_metrics *d, const struct metrics_spec *m)
{
	bool reads_file = m->collector == COLLECTOR_FILE || m->fallback == COLLECTOR_FILE;
	bool reads = reads_file || m->collector == COLLECTOR_STDOUT || m->fallback == COLLECTOR_STDOUT;
	if (d->has_fallback && m->fallback != COLLECTOR_NONE && m->collector != COLLECTOR_PUSH)
		problem_add(
			b->p, TRIAL "/metrics/fallback", "not-for-collector", "only the push collector has a fallback");
	if (reads_file && d->path == NULL && build_clean(b, TRIAL "/metrics/path"))
		problem_add(b->p, TRIAL "/metrics/path", "missing", "say which file the metrics are in");
	if (d->path != NULL && !reads_file)
		problem_add(
			b->p, TRIAL "/metrics/path", "not-for-collector", "no file is read with these collectors");
	if (d->has_format && !reads)
		problem_add(
			b->p, TRIAL "/metrics/format", "not-for-collector", "nothing is read with these collectors");
	if (d->patterns.n > 0 && !reads)
		problem_add(
			b->p, TRIAL "/metrics/patterns", "not-for-collector", "nothing is read with these collectors");
	check_patterns(b, d);
}

static enum collector choose_fallback(const struct doc_metrics *d)
{
	if (d->has_fallback)
		return (enum collector)(d->fallback + COLLECTOR_STDOUT);
	return d->collector == COLLECTOR_PUSH ? COLLECTOR_STDOUT : COLLECTOR_NONE;
}

static void build_metrics(struct build *b, const struct doc_trial *trial)
{
	static const struct doc_metrics none = {.collector = COLLECTOR_PUSH};
	const struct doc_metrics *d = trial->metrics != NULL ? trial->metrics : &none;
	struct metrics_spec *out = &b->s->trial.metrics;
	*out = (struct metrics_spec){
		.collector = (enum collector)d->collector,
		.fallback = choose_fallback(d),
		.path = d->path,
		.format = (enum lines_format)d->format,
		.patterns = d->patterns.items,
		.n_patterns = d->patterns.n,
	};
	if (build_clean(b, TRIAL "/metrics/collector") && build_clean(b, TRIAL "/metrics/fallback"))
		check_metrics(b, d, out);
}

void build_trial(struct build *b)
{
	const struct doc_trial *d = b->d->spec->trial;
	struct trial_template *out = &b->s->trial;
	bool known = build_clean(b, TRIAL "/executor");
	out->executor = build_executor(b);
	out->grace_period_us = DEFAULT_GRACE_SECONDS * INT64_C(1000000);
	out->metrics.collector = COLLECTOR_PUSH;
	out->metrics.fallback = COLLECTOR_NONE;
	if (d == NULL)
		return;

	out->working_directory = d->working_directory;
	out->timeout_us = d->timeout_us;
	out->grace_period_us = d->grace_period_s * INT64_C(1000000);
	if (known) {
		check_fields(b, d, out->executor);
		check_needs(b, d, out->executor);
	}
	build_command(b, d);
	build_env(b, d);
	build_resources(b, d);
	check_directory(b, d);
	if (out->executor != EXECUTOR_WORKER)
		build_metrics(b, d);
	build_kubernetes(b, d);
	check_placeholders(b, d);
}
