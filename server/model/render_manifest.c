/* The manifest of a document, with everything substituted where it stands in the tree. */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "server/model/params.h"
#include "server/model/render_impl.h"
#include "server/model/spec.h"

static void write_tree(struct json_writer *w, const char *key, const cJSON *v, bool text,
	const struct trial_facts *t, struct strbuf *scratch);

static void write_string(struct json_writer *w, const char *key, const char *s, bool text,
	const struct trial_facts *t, struct strbuf *scratch)
{
	int i = text ? -1 : render_sole_parameter(t, s);
	if (i >= 0) {
		param_write(w, key, &t->spec->parameters[i], t->x[i]);
		return;
	}
	strbuf_reset(scratch);
	render_add(t, s, scratch);
	jw_strn(w, key, scratch->data, scratch->len);
}

static bool all_strings(const cJSON *list)
{
	json_each (item, list) {
		if (json_str(item) == NULL)
			return false;
	}
	return true;
}

/* Fields that hold strings whatever they look like. */
static bool holds_text(const char *key)
{
	static const char *const keys[] = {
		"value", "labels", "annotations", "matchLabels", "nodeSelector", "data", "stringData", NULL};
	for (size_t i = 0; keys[i] != NULL; i++) {
		if (strcmp(keys[i], key) == 0)
			return true;
	}
	return false;
}

static void write_children(
	struct json_writer *w, const cJSON *v, bool text, const struct trial_facts *t, struct strbuf *scratch)
{
	json_each (item, v) {
		if (json_str(item) != NULL && render_vanishes(t, json_str(item)))
			continue;
		bool field = item->string != NULL;
		write_tree(w, item->string, item, text || (field && holds_text(item->string)), t, scratch);
	}
	jw_end(w);
}

static void write_tree(struct json_writer *w, const char *key, const cJSON *v, bool text,
	const struct trial_facts *t, struct strbuf *scratch)
{
	if (json_str(v) != NULL) {
		write_string(w, key, json_str(v), text, t, scratch);
	} else if (json_is_object(v)) {
		jw_object(w, key);
		write_children(w, v, text, t, scratch);
	} else if (json_is_array(v)) {
		jw_array(w, key);
		write_children(w, v, text || all_strings(v), t, scratch);
	} else {
		jw_value(w, key, v);
	}
}

static void render_tree(const struct trial_facts *t, const cJSON *v, struct json_writer *w)
{
	struct strbuf scratch;
	strbuf_init(&scratch, SIZE_MAX);
	write_tree(w, NULL, v, false, t, &scratch);
	strbuf_free(&scratch);
}

const cJSON *render_manifest(const struct trial_facts *t, struct arena *a)
{
	const struct trial_template *trial = &t->spec->trial;
	if (trial->executor != EXECUTOR_KUBERNETES)
		return NULL;
	struct strbuf out;
	struct json_writer w;
	strbuf_init(&out, SIZE_MAX);
	jw_init(&w, &out);
	if (trial->manifest != NULL)
		render_tree(t, trial->manifest, &w);
	else
		render_job(t, &w, a);
	const cJSON *tree = json_parse(out.data, out.len, 0, a, NULL);
	assert(tree != NULL);
	strbuf_free(&out);
	return tree;
}
