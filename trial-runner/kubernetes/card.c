#include "trial-runner/kubernetes/card.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "server/model/kinds.h"
#include "trial-runner/kubernetes/dress.h"

static const char *const collector_words[] = {"none", "stdout", "file", NULL};

/* ---- out --------------------------------------------------------------------------------------- */

static void write_list(struct json_writer *w, const char *key, const char *const *list)
{
	if (!list)
		return;
	jw_array(w, key);
	while (*list)
		jw_str(w, NULL, *list++);
	jw_end(w);
}

static void write_primary(struct json_writer *w, const struct run_object *o, const struct kind *kind, struct arena *a)
{
	const char *labels[KIND_WAYS + 1] = {NULL};

	for (size_t i = 0; kind && i < KIND_WAYS && kind->primary[i].name; i++)
		labels[i] = arena_printf(a, "%s=%s", kind->primary[i].name, kind->primary[i].value);
	if (o->primary_labels)
		write_list(w, "podLabels", o->primary_labels);
	else if (labels[0])
		write_list(w, "podLabels", labels);
	if (o->primary_container)
		jw_str(w, "container", o->primary_container);
	else if (kind && kind->container)
		jw_str(w, "container", kind->container);
}

static void write_metrics(struct json_writer *w, const struct run_metrics *m)
{
	jw_object(w, "metrics");
	jw_str(w, "collector", collector_words[m->collector]);
	jw_bool(w, "fallback", m->fallback);
	jw_bool(w, "json", m->json_lines);
	if (m->path)
		jw_str(w, "path", m->path);
	write_list(w, "patterns", m->patterns);
	jw_end(w);
}

const char *card_text(const struct run_order *o, const struct kind *kind, struct arena *a)
{
	const struct run_object *object = o->object;
	struct json_writer w;
	struct strbuf b;

	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "namespace", o->ns);
	write_primary(&w, object, kind, a);
	write_list(&w, "successWhen", object->success_when ? object->success_when : kind ? kind->success : NULL);
	write_list(&w, "failureWhen", object->failure_when ? object->failure_when : kind ? kind->failure : NULL);
	jw_bool(&w, "retain", object->retain);
	jw_int(&w, "timeout", o->timeout_us);
	jw_int(&w, "grace", o->grace_us);
	write_metrics(&w, &o->metrics);
	jw_end(&w);
	const char *text = arena_strdup(a, b.data);
	strbuf_free(&b);
	return text;
}

/* ---- in ---------------------------------------------------------------------------------------- */

static const cJSON *labels_of(const cJSON *object)
{
	return json_get(json_get(object, "metadata"), "labels");
}

static const char *label(const cJSON *object, const char *name)
{
	return json_str(json_get(labels_of(object), name));
}

static bool number_of(const cJSON *object, const char *name, int64_t max, int64_t *out)
{
	const char *text = label(object, name);

	return text && num_parse_i64(text, strlen(text), out) && *out > 0 && *out <= max;
}

bool dress_key(const cJSON *object, struct run_key *out)
{
	const char *by = label(object, LABEL_MANAGED_BY), *uid = label(object, LABEL_EXPERIMENT_UID);
	int64_t id, number, attempt;

	if (!by || strcmp(by, LABEL_MANAGED_BY_US) != 0 || !uid || !*uid || strlen(uid) >= RUN_UID_MAX)
		return false;
	if (!number_of(object, LABEL_EXPERIMENT_ID, INT64_MAX, &id) ||
		!number_of(object, LABEL_NUMBER, INT32_MAX, &number) ||
		!number_of(object, LABEL_ATTEMPT, INT32_MAX, &attempt))
		return false;
	*out = (struct run_key){.experiment_id = id, .number = (int32_t)number, .attempt = (int32_t)attempt};
	memcpy(out->uid, uid, strlen(uid));
	return true;
}

/* NULL-ended; NULL if there is no such list. */
static const char *const *read_list(const cJSON *card, const char *key, struct arena *a)
{
	const cJSON *list = json_get(card, key);
	const char **out;
	size_t n = 0;

	if (!json_is_array(list))
		return NULL;
	json_each (item, list)
		n++;
	out = ARENA_NEW_N(a, const char *, n + 1);
	n = 0;
	json_each (item, list) {
		if (json_str(item))
			out[n++] = json_str(item);
	}
	return out;
}

static bool read_bool(const cJSON *v, const char *key)
{
	bool truth;

	return json_bool(json_get(v, key), &truth) && truth;
}

static int64_t read_us(const cJSON *card, const char *key)
{
	int64_t us;

	return json_int(json_get(card, key), &us) && us > 0 ? us : 0;
}

static struct run_metrics read_metrics(const cJSON *card, struct arena *a)
{
	const cJSON *m = json_get(card, "metrics");
	const char *collector = json_str(json_get(m, "collector"));
	struct run_metrics out = {.fallback = read_bool(m, "fallback"),
		.json_lines = read_bool(m, "json"),
		.path = json_str(json_get(m, "path")),
		.patterns = read_list(m, "patterns", a)};

	for (int i = 0; collector && collector_words[i]; i++) {
		if (strcmp(collector, collector_words[i]) == 0)
			out.collector = (enum run_collector)i;
	}
	return out;
}

bool card_read(const cJSON *object, struct arena *a, struct run_card *out)
{
	const char *text = json_str(json_get(json_get(json_get(object, "metadata"), "annotations"), ANNOTATION_RUN));
	const cJSON *card = text ? json_parse(text, strlen(text), DRESS_OBJECT_MAX, a, NULL) : NULL;

	*out = (struct run_card){.trial = label(object, LABEL_TRIAL), .experiment = label(object, LABEL_EXPERIMENT)};
	if (!card || !dress_key(object, &out->key) || !out->trial || !out->experiment)
		return false;
	out->experiment_ns = json_str(json_get(card, "namespace"));
	out->primary_container = json_str(json_get(card, "container"));
	out->primary_labels = read_list(card, "podLabels", a);
	out->success_when = read_list(card, "successWhen", a);
	out->failure_when = read_list(card, "failureWhen", a);
	out->retain = read_bool(card, "retain");
	out->timeout_us = read_us(card, "timeout");
	out->grace_us = read_us(card, "grace");
	out->metrics = read_metrics(card, a);
	return out->experiment_ns && out->success_when && out->failure_when;
}
