#include "trial-runner/kubernetes/dress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "server/model/kinds.h"
#include "trial-runner/kubernetes/card.h"
#include "trial-runner/kubernetes/edit.h"

#define CHECKPOINT_VOLUME "trimtab-checkpoints"
#define PARENT_SUFFIX "-parent"
#define COLLECT_NAME "trimtab-collect"           /* program, container and volume */
#define COLLECT_FOLDER "/opt/trimtab"
#define COLLECT_PROGRAM COLLECT_FOLDER "/" COLLECT_NAME
#define TOKEN "TRIMTAB_TOKEN="

struct dresser {
	const struct run_order *o;
	const struct run_object *object;
	const struct kind *kind;        /* or NULL */
	const char *name;
	struct arena *a;
	const char *token;              /* or NULL */
	const char *collector_image;
	const char *wrong;              /* what cannot be dressed, or NULL */
	size_t containers;              /* primary ones that were found    */
	size_t wrapped;                 /* those that trimtab-collect runs  */
};

void dress_name(const char *trial, int32_t attempt, char out[DRESS_NAME_MAX])
{
	if (attempt > 1)
		snprintf(out, DRESS_NAME_MAX, "%s-%" PRId32, trial, attempt);
	else
		snprintf(out, DRESS_NAME_MAX, "%s", trial);
}

static void *or_wrong(struct dresser *d, void *found, const char *what)
{
	if (!found && !d->wrong)
		d->wrong = what;
	return found;
}

/* ---- labels ------------------------------------------------------------------------------------ */

static void add_number(struct dresser *d, cJSON *labels, const char *name, int64_t n)
{
	edit_set_string(labels, name, arena_printf(d->a, "%" PRId64, n), d->a);
}

/* What tells whose it is; ours win. */
static void add_labels(struct dresser *d, cJSON *labels)
{
	const struct run_order *o = d->o;

	if (!or_wrong(d, labels, "its labels are not an object"))
		return;
	edit_set_string(labels, LABEL_MANAGED_BY, LABEL_MANAGED_BY_US, d->a);
	edit_set_string(labels, LABEL_EXPERIMENT, o->experiment, d->a);
	add_number(d, labels, LABEL_EXPERIMENT_ID, o->key.experiment_id);
	edit_set_string(labels, LABEL_EXPERIMENT_UID, o->key.uid, d->a);
	edit_set_string(labels, LABEL_TRIAL, o->trial, d->a);
	add_number(d, labels, LABEL_NUMBER, o->key.number);
	add_number(d, labels, LABEL_ATTEMPT, o->key.attempt);
	edit_set_string(labels, LABEL_KATIB_EXPERIMENT, o->experiment, d->a);
	edit_set_string(labels, LABEL_KATIB_TRIAL, o->trial, d->a);
}

static void label_metadata(struct dresser *d, cJSON *owner)
{
	cJSON *metadata = or_wrong(d, edit_object(owner, "metadata", d->a), "its metadata is not an object");

	if (metadata)
		add_labels(d, edit_object(metadata, "labels", d->a));
}

/* ---- environment ------------------------------------------------------------------------------- */

static bool reserved(const char *name, size_t n)
{
	return strncmp(name, "TRIMTAB_", 8) == 0 || (n == 16 && strncmp(name, "KATIB_TRIAL_NAME", n) == 0);
}

static cJSON *find_variable(cJSON *list, const char *name, size_t n)
{
	json_each (item, list) {
		const char *have = json_str(json_get(item, "name"));

		if (have && strncmp(have, name, n) == 0 && have[n] == '\0')
			return (cJSON *)(uintptr_t)item;
	}
	return NULL;
}

/* Kubernetes replaces $(NAME) in a value, and takes $$ for $: what is to stay itself is doubled. */
static const char *literal(const char *s, struct arena *a)
{
	char *out = arena_alloc(a, 2 * strlen(s) + 1), *p = out;

	for (; *s; s++) {
		if (*s == '$')
			*p++ = '$';
		*p++ = *s;
	}
	*p = '\0';
	return out;
}

/* {"name": …} at the end of `out`, unless the manifest's own `list` has one that counts. */
static cJSON *add_variable(struct dresser *d, cJSON *out, cJSON *list, const char *name, size_t n)
{
	cJSON *old = find_variable(list, name, n), *item;

	if (old && !reserved(name, n))
		return NULL;
	if (old)
		edit_remove(list, old);
	item = edit_new_object(d->a);
	edit_set_string(item, "name", arena_strndup(d->a, name, n), d->a);
	edit_append(out, item);
	return item;
}

static void add_text(struct dresser *d, cJSON *out, cJSON *list, const char *variable)
{
	const size_t n = strcspn(variable, "=");
	cJSON *item;

	if (variable[n] != '=')
		return;
	item = add_variable(d, out, list, variable, n);
	if (item)
		edit_set_string(item, "value", literal(variable + n + 1, d->a), d->a);
}

static void add_token(struct dresser *d, cJSON *out, cJSON *list)
{
	cJSON *item = add_variable(d, out, list, TOKEN, strlen(TOKEN) - 1), *reference;

	reference = edit_object(edit_object(item, "valueFrom", d->a), "secretKeyRef", d->a);
	edit_set_string(reference, "name", d->name, d->a);
	edit_set_string(reference, "key", "token", d->a);
}

static void add_checkpoint_variables(struct dresser *d, cJSON *out, cJSON *list)
{
	const char *path = d->object->checkpoint_path;

	if (!path)
		return;
	add_text(d, out, list, arena_printf(d->a, "TRIMTAB_CHECKPOINT_DIR=%s", path));
	if (d->o->parent > 0)
		add_text(d, out, list, arena_printf(d->a, "TRIMTAB_PARENT_CHECKPOINT_DIR=%s" PARENT_SUFFIX, path));
}

/* Ours come first, so that the manifest's values may name them: $(TRIMTAB_TRIAL). */
static void add_environment(struct dresser *d, cJSON *list)
{
	cJSON *own;

	if (!or_wrong(d, list, "a container's env is not a list"))
		return;
	own = edit_new_object(d->a);
	for (const char *const *variable = d->o->env; variable && *variable; variable++) {
		if (strncmp(*variable, TOKEN, strlen(TOKEN)) == 0)
			add_token(d, own, list);
		else
			add_text(d, own, list, *variable);
	}
	add_checkpoint_variables(d, own, list);
	add_text(d, own, list, "PYTHONUNBUFFERED=1");      /* lines are read as they are printed */
	for (cJSON *item = list->child, *next; item; item = next) {
		next = item->next;
		edit_append(own, item);
	}
	list->child = own->child;
}

/* ---- checkpoints ------------------------------------------------------------------------------- */

/* NULL if there can be none. */
static cJSON *add_mount(struct dresser *d, cJSON *container, const char *volume, const char *path)
{
	cJSON *mounts = edit_array(container, "volumeMounts", d->a), *mount = edit_new_object(d->a);

	if (!or_wrong(d, mounts, "a container's volumeMounts are not a list"))
		return NULL;
	edit_set_string(mount, "name", volume, d->a);
	edit_set_string(mount, "mountPath", path, d->a);
	edit_append(mounts, mount);
	return mount;
}

static void mount_folder(struct dresser *d, cJSON *container, const char *path, int32_t number, bool read_only)
{
	cJSON *mount = add_mount(d, container, CHECKPOINT_VOLUME, path);

	if (!mount)
		return;
	edit_set_string(mount, "subPath", arena_printf(d->a, "%s/%" PRId32, d->o->key.uid, number), d->a);
	if (read_only)
		edit_set(mount, "readOnly", edit_bool(true, d->a));
}

static void mount_checkpoints(struct dresser *d, cJSON *container)
{
	const char *path = d->object->checkpoint_path;
	const struct run_order *o = d->o;

	if (!path)
		return;
	mount_folder(d, container, path, o->line > 0 ? o->line : o->key.number, false);
	if (o->parent > 0)
		mount_folder(d, container, arena_printf(d->a, "%s" PARENT_SUFFIX, path), o->parent, true);
}

/* NULL if there can be none. */
static cJSON *add_volume(struct dresser *d, cJSON *spec, const char *name)
{
	cJSON *volumes = edit_array(spec, "volumes", d->a), *volume = edit_new_object(d->a);

	if (!or_wrong(d, volumes, "the volumes of a pod are not a list"))
		return NULL;
	edit_set_string(volume, "name", name, d->a);
	edit_append(volumes, volume);
	return volume;
}

static void add_checkpoint_volume(struct dresser *d, cJSON *spec)
{
	cJSON *volume = d->object->checkpoint_path ? add_volume(d, spec, CHECKPOINT_VOLUME) : NULL;

	if (volume)
		edit_set_string(edit_object(volume, "persistentVolumeClaim", d->a), "claimName",
			d->object->checkpoint_claim, d->a);
}

/* ---- metrics from a file ----------------------------------------------------------------------- */

static bool collects(const struct dresser *d)
{
	return d->o->metrics.collector == RUN_COLLECT_FILE && d->o->metrics.path;
}

/* Of a Ray cluster's many containers none is known to be the one that writes the file. */
static bool wraps(const struct dresser *d)
{
	return collects(d) && !(d->kind && d->kind->env_everywhere);
}

static void add_word(struct dresser *d, cJSON *list, const char *option, const char *value)
{
	edit_append(list, edit_string(arena_printf(d->a, "%s%s", option, literal(value, d->a)), d->a));
}

static void wrap_command(struct dresser *d, cJSON *container)
{
	const struct run_metrics *m = &d->o->metrics;
	cJSON *command = edit_get(container, "command"), *words = edit_array(edit_new_object(d->a), "command", d->a);

	if (!json_is_array(command) || !command->child) {
		(void)or_wrong(d, NULL, "metrics are read from a file, so the container needs a command: what its image "
			"would start is not known here");
		return;
	}
	add_word(d, words, COLLECT_PROGRAM, "");
	add_word(d, words, "run", "");
	add_word(d, words, "--file=", m->path);
	if (m->json_lines)
		add_word(d, words, "--json", "");
	for (const char *const *pattern = m->patterns; pattern && *pattern; pattern++)
		add_word(d, words, "--pattern=", *pattern);
	add_word(d, words, "--", "");
	for (cJSON *word = command->child, *next; word; word = next) {
		next = word->next;
		edit_append(words, word);
	}
	edit_set(container, "command", words);
	add_mount(d, container, COLLECT_NAME, COLLECT_FOLDER);
	d->wrapped++;
}

/* As the trial's container is allowed to run, and within what a quota wants to be told. */
static void add_collector(struct dresser *d, cJSON *spec, cJSON *primary)
{
	static const char *const words[] = {COLLECT_NAME, "install", COLLECT_PROGRAM};
	cJSON *list = edit_array(spec, "initContainers", d->a), *container = edit_new_object(d->a);
	cJSON *limits, *command, *volume;
	const cJSON *security = json_get(primary, "securityContext");

	if (!or_wrong(d, list, "the initContainers of a pod are not a list"))
		return;
	edit_set_string(container, "name", COLLECT_NAME, d->a);
	edit_set_string(container, "image", d->collector_image, d->a);
	command = edit_array(container, "command", d->a);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		add_word(d, command, words[i], "");
	limits = edit_object_at(container, "/resources/limits", d->a);
	edit_set_string(limits, "cpu", "100m", d->a);
	edit_set_string(limits, "memory", "64Mi", d->a);
	if (security)
		edit_set(container, "securityContext", edit_copy(security, d->a));
	add_mount(d, container, COLLECT_NAME, COLLECT_FOLDER);
	edit_append(list, container);
	volume = add_volume(d, spec, COLLECT_NAME);
	if (volume)
		(void)edit_object(volume, "emptyDir", d->a);
}

/* ---- pods -------------------------------------------------------------------------------------- */

static void dress_container(struct dresser *d, cJSON *container)
{
	d->containers++;
	add_environment(d, edit_array(container, "env", d->a));
	mount_checkpoints(d, container);
}

static int64_t whole_seconds(int64_t us)
{
	return (us + 999999) / 1000000;
}

/* The time that one pod may run counts from when it has a node, not from when it waits for one. */
static void set_times(struct dresser *d, cJSON *spec)
{
	if (d->o->timeout_us > 0 && !json_get(spec, "activeDeadlineSeconds"))
		edit_set(spec, "activeDeadlineSeconds", edit_int(whole_seconds(d->o->timeout_us), d->a));
	if (!json_get(spec, "terminationGracePeriodSeconds"))
		edit_set(spec, "terminationGracePeriodSeconds", edit_int(whole_seconds(d->o->grace_us), d->a));
}

static bool is_primary(const struct dresser *d, const cJSON *container, bool single)
{
	const char *name = json_str(json_get(container, "name")), *primary = d->object->primary_container;

	if (!json_is_object(container))
		return false;
	if (d->kind && d->kind->env_everywhere)
		return true;
	return primary ? name && strcmp(name, primary) == 0 : single;
}

static void dress_template(struct dresser *d, cJSON *template)
{
	cJSON *spec = edit_get(template, "spec"), *list = edit_get(spec, "containers");
	cJSON *primary = NULL;

	label_metadata(d, template);
	for (cJSON *c = list->child; c; c = c->next) {
		if (!is_primary(d, c, !list->child->next))
			continue;
		primary = c;
		dress_container(d, c);
		if (wraps(d))
			wrap_command(d, c);
	}
	if (!primary)
		return;
	set_times(d, spec);
	add_checkpoint_volume(d, spec);
	if (wraps(d))
		add_collector(d, spec, primary);
}

/* Argo's templates have one container, or a script, which runs under the name that the kind says. */
static void dress_bare(struct dresser *d, cJSON *template)
{
	static const char *const keys[] = {"container", "script"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		cJSON *container = edit_get(template, keys[i]);

		if (!json_is_object(container) || !json_get(container, "image"))
			continue;
		dress_container(d, container);
		add_checkpoint_volume(d, template);
	}
}

/* Every object whose "spec" has containers is a pod, or the template of one. */
static void dress_tree(struct dresser *d, cJSON *v)
{
	if (json_is_array(json_get(json_get(v, "spec"), "containers")))
		dress_template(d, v);
	else if (d->kind && d->kind->bare_containers && json_is_object(v))
		dress_bare(d, v);
	for (cJSON *child = v->child; child; child = child->next) {
		if (json_is_object(child) || json_is_array(child))
			dress_tree(d, child);
	}
}

static void dress_places(struct dresser *d, cJSON *root)
{
	for (size_t i = 0; i < KIND_WAYS && d->kind->labels[i]; i++)
		add_labels(d, edit_object_at(root, d->kind->labels[i], d->a));
	for (size_t i = 0; i < KIND_WAYS && d->kind->env[i]; i++)
		add_environment(d, edit_array_at(root, d->kind->env[i], d->a));
}

/* KubeRay would make this pod itself, but without our labels. */
static void add_ray_submitter(struct dresser *d, cJSON *root)
{
	const char *image = json_str(json_at(root, "/spec/rayClusterSpec/headGroupSpec/template/spec/containers/0/image"));
	const char *mode = json_str(json_at(root, "/spec/submissionMode"));
	cJSON *spec, *container;

	if (!image || json_at(root, "/spec/submitterPodTemplate") || (mode && strcmp(mode, "K8sJobMode") != 0))
		return;
	spec = edit_object_at(root, "/spec/submitterPodTemplate/spec", d->a);
	if (!spec)
		return;
	container = edit_new_object(d->a);
	edit_set_string(container, "name", d->kind->container, d->a);
	edit_set_string(container, "image", image, d->a);
	edit_set_string(spec, "restartPolicy", "Never", d->a);
	edit_append(edit_array(spec, "containers", d->a), container);
}

/* ---- the three objects ------------------------------------------------------------------------- */

/* {"apiVersion", "kind", "metadata"} of something of this trial's. */
static cJSON *new_object(struct dresser *d, const char *kind, const char *name)
{
	cJSON *v = edit_new_object(d->a), *metadata;

	edit_set_string(v, "apiVersion", "v1", d->a);
	edit_set_string(v, "kind", kind, d->a);
	metadata = edit_object(v, "metadata", d->a);
	edit_set_string(metadata, "name", name, d->a);
	edit_set_string(metadata, "namespace", d->object->ns, d->a);
	return v;
}

static const char *secret_text(struct dresser *d)
{
	cJSON *v = new_object(d, "Secret", d->name);

	label_metadata(d, v);
	edit_set_string(v, "type", "Opaque", d->a);
	edit_set_string(edit_object(v, "stringData", d->a), "token", d->token, d->a);
	return edit_text(v, SIZE_MAX, d->a);
}

static const char *claim_text(struct dresser *d)
{
	cJSON *v = new_object(d, "PersistentVolumeClaim", d->object->checkpoint_claim);
	cJSON *labels = edit_object_at(v, "/metadata/labels", d->a), *spec = edit_copy(d->object->checkpoint_spec, d->a);

	edit_set_string(labels, LABEL_MANAGED_BY, LABEL_MANAGED_BY_US, d->a);
	edit_set_string(labels, LABEL_EXPERIMENT, d->o->experiment, d->a);
	edit_set_string(labels, LABEL_EXPERIMENT_UID, d->o->key.uid, d->a);
	edit_set(v, "spec", spec);
	return edit_text(v, SIZE_MAX, d->a);
}

static cJSON *dress_object(struct dresser *d)
{
	cJSON *root = edit_copy(d->object->manifest, d->a), *metadata, *annotations;

	if (d->kind && d->kind->env_everywhere)
		add_ray_submitter(d, root);
	label_metadata(d, root);
	metadata = edit_object(root, "metadata", d->a);
	annotations = or_wrong(d, edit_object(metadata, "annotations", d->a), "its annotations are not an object");
	if (d->wrong)
		return NULL;
	edit_set_string(metadata, "name", d->name, d->a);
	edit_set_string(metadata, "namespace", d->object->ns, d->a);
	edit_set_string(annotations, ANNOTATION_RUN, card_text(d->o, d->kind, d->a), d->a);
	dress_tree(d, root);
	if (d->kind)
		dress_places(d, root);
	return d->wrong ? NULL : root;
}

static const char *token_of(const struct run_order *o)
{
	for (const char *const *variable = o->env; variable && *variable; variable++) {
		if (strncmp(*variable, TOKEN, strlen(TOKEN)) == 0)
			return *variable + strlen(TOKEN);
	}
	return NULL;
}

static bool check(const struct dresser *d, const cJSON *root, struct err *e)
{
	const char *primary = d->object->primary_container;
	const bool elsewhere = d->kind && d->kind->env[0];

	if (!root)
		return err_set(e, ERR_INVALID, "the manifest cannot be used: %s", d->wrong);
	if (d->containers == 0 && !elsewhere)
		return err_set(e, ERR_INVALID, "the manifest has no container '%.63s' that could get the trial's environment",
			primary ? primary : "");
	if (d->containers == 0 && d->object->checkpoint_path)
		return err_set(e, ERR_INVALID, "the manifest has no pod template for the checkpoints' volume: mount a claim "
			"in it and leave checkpoints out");
	if (collects(d) && d->wrapped == 0)
		return err_set(e, ERR_INVALID, "the manifest has no pod template whose metrics file could be read: print the "
			"metrics, or push them");
	return true;
}

bool dress(const struct run_order *o, const char *collector_image, struct arena *a, struct dressed *out,
	struct err *e)
{
	struct dresser d = {.o = o, .object = o->object, .a = a, .token = token_of(o), .collector_image = collector_image};
	char *name = arena_alloc(a, DRESS_NAME_MAX);
	cJSON *root;

	dress_name(o->trial, o->key.attempt, name);
	d.name = name;
	*out = (struct dressed){.name = name, .ns = d.object->ns};
	out->api_version = json_str(json_get(d.object->manifest, "apiVersion"));
	out->kind_name = json_str(json_get(d.object->manifest, "kind"));
	if (!out->api_version || !out->kind_name)
		return err_set(e, ERR_INVALID, "the manifest lacks apiVersion or kind");
	out->kind = d.kind = kind_find(out->api_version, out->kind_name);
	if (!d.kind && (!d.object->success_when || !d.object->failure_when))
		return err_set(e, ERR_INVALID, "%.80s is no kind that trimtab knows: give successWhen and failureWhen",
			out->kind_name);
	root = dress_object(&d);
	if (!check(&d, root, e))
		return false;
	out->object = edit_text(root, DRESS_OBJECT_MAX, a);
	if (!out->object)
		return err_set(e, ERR_TOO_LARGE, "its object is larger than the %d bytes that Kubernetes has room for",
			DRESS_OBJECT_MAX);
	out->secret = d.token ? secret_text(&d) : NULL;
	if (d.object->checkpoint_spec) {
		out->claim_name = d.object->checkpoint_claim;
		out->claim = claim_text(&d);
	}
	return true;
}

const char *dress_owner_patch(const cJSON *owner, struct arena *a)
{
	static const char *const pointers[] = {"/metadata/name", "/metadata/uid", "/apiVersion", "/kind"};
	cJSON *patch = edit_new_object(a), *reference = edit_new_object(a);

	for (size_t i = 0; i < ARRAY_LEN(pointers); i++) {
		const char *value = json_str(json_at(owner, pointers[i]));

		if (value)
			edit_set_string(reference, strrchr(pointers[i], '/') + 1, value, a);
	}
	edit_append(edit_array(edit_object(patch, "metadata", a), "ownerReferences", a), reference);
	return edit_text(patch, SIZE_MAX, a);
}
