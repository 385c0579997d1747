/* The part of the trial block that only Kubernetes knows: the manifest, its conditions, checkpoints. */
#include <string.h>

#include "lib/arena.h"
#include "lib/gjson.h"
#include "lib/num.h"
#include "server/model/build.h"
#include "server/model/kinds.h"
#include "server/model/render.h"

#define TRIAL "/spec/trial"
#define MANIFEST TRIAL "/manifest"

/* ---- places in the manifest -------------------------------------------------------------------- */

/* Made into a pointer only for what is wrong there. */
struct place {
	const struct place *above;      /* NULL: the manifest itself */
	const char *name;               /* of the field, or NULL: `index` of the item */
	size_t index;
};

static const char *place_pointer(struct build *b, const struct place *at)
{
	if (at->above == NULL)
		return MANIFEST;
	const char *above = place_pointer(b, at->above);
	return at->name != NULL ? problem_path(b->p, above, at->name) : problem_index(b->p, above, at->index);
}

static void check_text(
	struct build *b, const cJSON *v, const struct render_scope *scope, bool *used, const struct place *at)
{
	struct place below = {.above = at};
	const char *text = json_str(v);
	if (text != NULL && !render_check(text, scope, used, NULL, NULL))
		render_check(text, scope, used, place_pointer(b, at), b->p);
	json_each (item, json_is_object(v) || json_is_array(v) ? v : NULL) {
		below.name = item->string;
		check_text(b, item, scope, used, &below);
		below.index++;
	}
}

void build_check_manifest_text(struct build *b, const cJSON *manifest, const struct render_scope *scope, bool *used)
{
	bool *seen = ARENA_NEW_N(b->a, bool, scope->n_aliases + 1);
	struct render_scope watched = *scope;
	watched.aliases_used = seen;
	check_text(b, manifest, &watched, used, &(struct place){0});
	for (size_t i = 0; i < scope->n_aliases; i++) {
		if (!seen[i])
			problem_add(b->p, problem_path(b->p, TRIAL "/trialParameters", scope->aliases[i].name),
				"unused-placeholder", "${trialParameters.%.80s} does not occur in the manifest",
				scope->aliases[i].name);
	}
}

/* ---- containers -------------------------------------------------------------------------------- */

enum { NAMES_MAX = 64 };

/* What the manifest's pods are made of. */
struct pods {
	struct build *b;
	const struct kind *kind;        /* or NULL */
	const char *names[NAMES_MAX + 1];       /* of containers, each once; NULL-ended */
	const char *no_command[NAMES_MAX];      /* pointer of one of that name that does not say what it runs, or NULL */
	size_t n;
	bool templates;                 /* of whole pods there are some */
};

/* Its place among the names; NAMES_MAX if there is no room. */
static size_t add_name(struct pods *pods, const char *name)
{
	for (size_t i = 0; i < pods->n; i++) {
		if (strcmp(pods->names[i], name) == 0)
			return i;
	}
	if (pods->n < NAMES_MAX)
		pods->names[pods->n] = name;
	return pods->n < NAMES_MAX ? pods->n++ : NAMES_MAX;
}

static void check_env(struct pods *pods, const cJSON *env, const struct place *container)
{
	const struct env_var *given = pods->b->s->trial.env;
	struct place list = {.above = container, .name = "env"}, item = {.above = &list};
	json_each (variable, json_is_array(env) ? env : NULL) {
		const char *name = json_str(json_get(variable, "name"));
		if (name != NULL && env_name_reserved(name))
			problem_add(pods->b->p, place_pointer(pods->b, &item), "reserved-name", "%.80s is set for each trial", name);
		for (size_t i = 0; name != NULL && i < pods->b->s->trial.n_env; i++) {
			if (strcmp(name, given[i].name) == 0)
				problem_add(pods->b->p, problem_path(pods->b->p, TRIAL "/env", name), "given-twice",
					"the manifest sets %.80s, too", name);
		}
		item.index++;
	}
}

static void look_at_container(struct pods *pods, const cJSON *container, const struct place *at)
{
	const char *name = json_str(json_get(container, "name"));
	const cJSON *command = json_get(container, "command");
	const size_t i = name != NULL ? add_name(pods, name) : NAMES_MAX;
	if (i < NAMES_MAX && (!json_is_array(command) || command->child == NULL) && pods->no_command[i] == NULL)
		pods->no_command[i] = place_pointer(pods->b, at);
	pods->templates = true;
	check_env(pods, json_get(container, "env"), at);
}

/* Argo's templates, whose one container runs under a name of its own. */
static void look_at_bare(struct pods *pods, const cJSON *template, const struct place *at)
{
	static const char *const keys[] = {"container", "script"};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const cJSON *container = json_get(template, keys[i]);
		if (!json_is_object(container) || json_get(container, "image") == NULL)
			continue;
		struct place here = {.above = at, .name = keys[i]};
		add_name(pods, pods->kind->container);
		check_env(pods, json_get(container, "env"), &here);
	}
}

/* Whatever has containers in its spec is a pod, or the template of one. */
static void look_at_pods(struct pods *pods, const cJSON *v, const struct place *at)
{
	const cJSON *list = json_get(json_get(v, "spec"), "containers");
	struct place spec = {.above = at, .name = "spec"}, containers = {.above = &spec, .name = "containers"};
	struct place item = {.above = &containers}, below = {.above = at};
	json_each (container, json_is_array(list) ? list : NULL) {
		look_at_container(pods, container, &item);
		item.index++;
	}
	if (pods->kind != NULL && pods->kind->bare_containers && json_is_object(v))
		look_at_bare(pods, v, at);
	json_each (child, json_is_object(v) || json_is_array(v) ? v : NULL) {
		below.name = child->string;
		if (json_is_object(child) || json_is_array(child))
			look_at_pods(pods, child, &below);
		below.index++;
	}
}

static bool container_name_valid(const char *s)
{
	size_t n = strlen(s);
	return n > 0 && n <= 63 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static const char *only_container(const struct pods *pods)
{
	if (pods->n == 1)
		return pods->names[0];
	return pods->kind != NULL ? pods->kind->container : NULL;
}

static void check_primary(struct pods *pods)
{
	struct build *b = pods->b;
	struct trial_template *out = &b->s->trial;
	bool elsewhere = pods->kind != NULL && (pods->kind->env[0] != NULL || pods->kind->container != NULL);
	const char *job = MANIFEST "/spec/template/spec/containers";
	if (pods->n == 0 && !elsewhere) {
		problem_add(b->p, kind_is_job(pods->kind) ? job : MANIFEST "/spec", "missing",
			"no pod template with a container that has a name is in it");
		return;
	}
	if (out->primary_container == NULL)
		out->primary_container = only_container(pods);
	if (out->primary_container == NULL) {
		problem_add(b->p, TRIAL "/primaryContainer", "missing", pods->n > 0 ?
				"there are %zu containers; say which of them trains" :
				"say which container of the pods trains",
			pods->n);
		return;
	}
	bool known = pods->n == 0 || (pods->kind != NULL && pods->kind->container != NULL &&
									 strcmp(pods->kind->container, out->primary_container) == 0);
	for (size_t i = 0; i < pods->n; i++)
		known = known || strcmp(pods->names[i], out->primary_container) == 0;
	if (!known)
		problem_unknown(b->p, TRIAL "/primaryContainer", "unknown-container", "a container of the manifest",
			out->primary_container, pods->names);
	else if (!container_name_valid(out->primary_container))
		problem_add(b->p, kind_is_job(pods->kind) ? job : TRIAL "/primaryContainer", "bad-name",
			"'%.80s' is not the name of a container: at most 63 lower-case letters, digits and '-'",
			out->primary_container);
}

/* The program that reads the file is put before the container's command. */
static void check_metrics_file(struct pods *pods)
{
	struct build *b = pods->b;
	const char *primary = b->s->trial.primary_container;
	if (b->s->trial.metrics.path == NULL || primary == NULL)
		return;
	if (!pods->templates || (pods->kind != NULL && pods->kind->env_everywhere)) {
		problem_add(b->p, TRIAL "/metrics/path", "not-with-manifest",
			"of this kind no container is known that could write it; print the metrics, or push them");
		return;
	}
	for (size_t i = 0; i < pods->n; i++) {
		if (strcmp(pods->names[i], primary) == 0 && pods->no_command[i] != NULL)
			problem_add(b->p, problem_path(b->p, pods->no_command[i], "command"), "missing",
				"where metrics are read from a file the command must be told: what the image would start is not known "
				"here");
	}
}

/* ---- the manifest ------------------------------------------------------------------------------ */

static void check_identity(struct build *b, const cJSON *manifest)
{
	static const char *const required[] = {"apiVersion", "kind"};
	static const char *const forbidden[] = {"name", "generateName", "namespace"};
	for (size_t i = 0; i < ARRAY_LEN(required); i++) {
		if (json_str(json_get(manifest, required[i])) == NULL)
			problem_add(b->p, problem_path(b->p, MANIFEST, required[i]), "missing",
				"a Kubernetes object has apiVersion and kind");
	}
	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
		if (json_get(json_get(manifest, "metadata"), forbidden[i]) != NULL)
			problem_add(b->p, problem_path(b->p, MANIFEST "/metadata", forbidden[i]), "not-allowed",
				"it is set for each trial; leave it out");
	}
}

/* What the API server would say of each trial, said once and before; and what is hardly meant. */
static void check_job(struct build *b, const cJSON *manifest)
{
	const char *policy = json_str(json_at(manifest, "/spec/template/spec/restartPolicy"));
	int64_t limit = 6;
	if (policy == NULL || (strcmp(policy, "Never") != 0 && strcmp(policy, "OnFailure") != 0))
		problem_add(b->p, MANIFEST "/spec/template/spec/restartPolicy", policy == NULL ? "missing" : "unknown-value",
			"the pods of a Job need restartPolicy: Never, or OnFailure");
	if (!json_int(json_at(manifest, "/spec/backoffLimit"), &limit) || limit > 0)
		problem_add(b->warnings, MANIFEST "/spec/backoffLimit", "starts-again",
			"the Job starts a failed program up to %d times again within one trial; with 0 retry.onFailed decides",
			(int)limit);
}

static void check_conditions_given(struct build *b, const struct doc_trial *d)
{
	if (d->success_when == NULL)
		problem_add(b->p, TRIAL "/successWhen", "missing", "say what success looks like for this kind");
	if (d->failure_when == NULL)
		problem_add(b->p, TRIAL "/failureWhen", "missing", "say what failure looks like for this kind");
}

static void check_checkpoint_room(struct build *b, const struct pods *pods)
{
	if (b->s->trial.checkpoints.path != NULL && pods->n == 0)
		problem_add(b->p, TRIAL "/checkpoints", "not-with-manifest",
			"the manifest has no pod template to mount it in; mount a claim there yourself");
}

static void check_manifest(struct build *b, const struct doc_trial *d)
{
	const cJSON *manifest = d->manifest;
	if (!json_is_object(manifest)) {
		problem_add(b->p, MANIFEST, "wrong-type", "expected a Kubernetes object");
		return;
	}
	const char *api = json_str(json_get(manifest, "apiVersion")), *kind = json_str(json_get(manifest, "kind"));
	struct pods pods = {.b = b, .kind = api != NULL && kind != NULL ? kind_find(api, kind) : NULL};
	check_identity(b, manifest);
	look_at_pods(&pods, manifest, &(struct place){0});
	if (pods.kind == NULL)
		check_conditions_given(b, d);
	if (api != NULL && kind != NULL)
		check_primary(&pods);
	if (kind_is_job(pods.kind))
		check_job(b, manifest);
	check_checkpoint_room(b, &pods);
	check_metrics_file(&pods);
}

/* ---- fields ------------------------------------------------------------------------------------ */

static void check_query(struct build *b, const char *query, const char *pointer)
{
	struct err e;
	if (query != NULL && build_clean(b, pointer) && gjson_compile(query, b->a, &e) == NULL)
		problem_add(b->p, pointer, "bad-query", "%s", e.detail);
}

/* Lower-case letters, digits, '-' and '.', as most objects of Kubernetes may be named. */
static bool object_name_valid(const char *s)
{
	size_t n = strlen(s);
	return n > 0 && n <= 253 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n && s[0] != '-' &&
		   s[0] != '.' && s[n - 1] != '-' && s[n - 1] != '.';
}

static void check_object_name(struct build *b, const char *name, const char *pointer)
{
	if (name != NULL && build_clean(b, pointer) && !object_name_valid(name))
		problem_add(b->p, pointer, "bad-name",
			"'%.80s' is not the name of a Kubernetes object: lower-case letters, digits, '-' and '.'", name);
}

static void build_checkpoints(struct build *b, const struct doc_checkpoints *d)
{
	struct checkpoint_volume *out = &b->s->trial.checkpoints;
	int64_t bytes;
	out->path = d->path != NULL ? d->path : DEFAULT_CHECKPOINT_PATH;
	out->claim = d->claim;
	out->size = d->size;
	out->storage_class = d->storage_class;
	if (d->size != NULL)
		out->access_mode = access_mode_names[d->has_access_mode ? d->access_mode : 0];
	if (d->claim == NULL && d->size == NULL && build_clean(b, TRIAL "/checkpoints"))
		problem_add(b->p, TRIAL "/checkpoints", "missing", "name the claim, or give the size of one to be made");
	if (d->claim != NULL && (d->size != NULL || d->storage_class != NULL || d->has_access_mode))
		problem_add(b->p, TRIAL "/checkpoints/claim", "not-with-size",
			"size, storageClass and accessMode are for a claim that is made");
	if (d->size != NULL && (!num_parse_bytes(d->size, &bytes) || bytes <= 0))
		problem_add(b->p, TRIAL "/checkpoints/size", "bad-quantity",
			"'%.40s' is not a number of bytes; write \"10Gi\"", d->size);
	if (out->path[0] != '/' || strchr(out->path, ':') != NULL || strstr(out->path, "..") != NULL)
		problem_add(b->p, TRIAL "/checkpoints/path", "not-absolute",
			"'%.80s' is not the whole path of a folder in the container", out->path);
	check_object_name(b, d->claim, TRIAL "/checkpoints/claim");
	check_object_name(b, d->storage_class, TRIAL "/checkpoints/storageClass");
}

static bool reference_known(const struct build *b, const char *reference)
{
	static const char *const facts[] = {
		"${trialSpec.Name}", "${trialSpec.Namespace}", "${trialSpec.Kind}", "${trialSpec.APIVersion}"};
	for (size_t i = 0; b->names != NULL && b->names[i] != NULL; i++) {
		if (strcmp(b->names[i], reference) == 0)
			return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
		if (strcmp(facts[i], reference) == 0)
			return true;
	}
	/* Of these the key is looked up where they are used. */
	return (strncmp(reference, "${trialSpec.Labels[", 19) == 0 ||
			   strncmp(reference, "${trialSpec.Annotations[", 24) == 0) &&
		   strcmp(reference + strlen(reference) - 2, "]}") == 0;
}

static void build_aliases(struct build *b, const struct doc_trial *d)
{
	const struct json_pair *pairs = d->aliases.items;
	struct template_alias *out = ARENA_NEW_N(b->a, struct template_alias, d->aliases.n);
	for (size_t i = 0; i < d->aliases.n; i++) {
		const char *pointer = problem_path(b->p, TRIAL "/trialParameters", pairs[i].key);
		out[i] = (struct template_alias){pairs[i].key, pairs[i].value != NULL ? pairs[i].value : ""};
		if (pairs[i].key[0] == '\0' || strpbrk(pairs[i].key, "{}") != NULL)
			problem_add(b->p, pointer, "bad-name", "a name is not empty and has no braces in it");
		if (pairs[i].value != NULL && b->s->n_parameters > 0 && !reference_known(b, pairs[i].value))
			problem_unknown(b->p, pointer, "unknown-parameter", "a parameter of this experiment", pairs[i].value,
				b->names);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(out[k].reference, out[i].reference) == 0)
				problem_add(b->p, pointer, "given-twice", "'%.80s' and '%.80s' mean the same thing",
					out[k].name, out[i].name);
		}
	}
	b->s->trial.aliases = out;
	b->s->trial.n_aliases = d->aliases.n;
}

static void check_fields(struct build *b, const struct doc_trial *d)
{
	const struct doc_resources *r = d->resources;
	if (d->namespace != NULL && !name_valid(d->namespace, SPEC_NAMESPACE_MAX))
		problem_add(
			b->p, TRIAL "/namespace", "bad-name", "'%.80s' is not the name of a namespace", d->namespace);
	check_object_name(b, d->service_account, TRIAL "/serviceAccount");
	if (d->node_selector != NULL && !json_is_object(d->node_selector))
		problem_add(b->p, TRIAL "/nodeSelector", "wrong-type", "expected an object of labels");
	if (d->tolerations != NULL && !json_is_array(d->tolerations))
		problem_add(b->p, TRIAL "/tolerations", "wrong-type", "expected a list");
	if (r != NULL && r->gpu_resource != NULL && strchr(r->gpu_resource, '/') == NULL)
		problem_add(b->p, TRIAL "/resources/gpuResource", "bad-name",
			"'%.80s' is not the name of a device, as nvidia.com/gpu is", r->gpu_resource);
	check_query(b, d->success_when, TRIAL "/successWhen");
	check_query(b, d->failure_when, TRIAL "/failureWhen");
}

/* A search that goes on from checkpoints needs a place for them that outlives a pod. */
static void advise_checkpoints(struct build *b)
{
	const struct experiment_spec *s = b->s;
	const struct algorithm *algorithm = s->algorithm.algorithm;
	bool resumes = algorithm != NULL && (strcmp(algorithm->name, "pbt") == 0 ||
		(s->fidelity.given && s->fidelity.resume && (algorithm->capabilities & ALGO_FIDELITY)));
	if (resumes && s->trial.executor == EXECUTOR_KUBERNETES && s->trial.checkpoints.path == NULL)
		problem_add(b->warnings, TRIAL "/checkpoints", "no-checkpoints",
			"%s lets trials go on from the checkpoints of others; without a volume each starts over",
			algorithm->name);
}

void build_kubernetes(struct build *b, const struct doc_trial *d)
{
	struct trial_template *out = &b->s->trial;
	out->image = d->image;
	out->namespace = d->namespace;
	out->service_account = d->service_account;
	out->primary_container = d->primary_container;
	out->success_when = d->success_when;
	out->failure_when = d->failure_when;
	out->primary_labels = d->primary_labels.items;
	out->n_primary_labels = d->primary_labels.n;
	out->node_selector = d->node_selector;
	out->tolerations = d->tolerations;
	out->manifest = d->manifest;
	out->retain = d->retain;
	check_fields(b, d);
	build_aliases(b, d);
	if (d->checkpoints != NULL)
		build_checkpoints(b, d->checkpoints);
	if (d->manifest != NULL)
		check_manifest(b, d);
	else if (out->executor == EXECUTOR_KUBERNETES && out->primary_container == NULL)
		out->primary_container = DEFAULT_CONTAINER;
	else if (out->primary_container != NULL && !container_name_valid(out->primary_container))
		problem_add(b->p, TRIAL "/primaryContainer", "bad-name",
			"'%.80s' is not the name of a container: at most 63 lower-case letters, digits and '-'",
			out->primary_container);
	advise_checkpoints(b);
}
