/* Editing: a merge patch (RFC 7386) of the normalised document, of which little may change. */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "server/model/document.h"
#include "server/model/spec.h"

/* What may change, as pointers; everything below one of them may. */
static const char *const editable[] = {"/metadata/labels", "/metadata/annotations", "/spec/budget", NULL};

struct edit {
	const cJSON *before;
	struct problems *p;
	struct spec_edit *out;
};

static bool below(const char *pointer, const char *top)
{
	size_t n = strlen(top);
	return strncmp(pointer, top, n) == 0 && (pointer[n] == '\0' || pointer[n] == '/');
}

static bool is_editable(const char *pointer)
{
	for (size_t i = 0; editable[i] != NULL; i++) {
		if (below(pointer, editable[i]))
			return true;
	}
	return false;
}

/* A whole document may be sent back: what it repeats is no edit. */
static void check_leaf(struct edit *e, const cJSON *patch, const char *pointer)
{
	const cJSON *now = json_at(e->before, pointer);
	bool same = now != NULL ? json_equal(now, patch) : json_is_null(patch);
	if (!same && !is_editable(pointer))
		problem_add(e->p, pointer, "not-editable",
			"only labels, annotations, paused and the budget can change once an experiment exists");
}

/* Fields that the server adds to its answers. */
static bool is_servers(const char *pointer)
{
	static const char *const names[] = {"/status", "/metadata/uid", "/metadata/resourceVersion",
		"/metadata/createdAt", "/metadata/createdBy", NULL};
	for (size_t i = 0; names[i] != NULL; i++) {
		if (below(pointer, names[i]))
			return true;
	}
	return false;
}

static void check_patch(struct edit *e, const cJSON *patch, const char *pointer)
{
	json_each (v, patch) {
		const char *at = problem_path(e->p, pointer, v->string);
		if (is_servers(at))
			continue;
		if (strcmp(at, "/spec/paused") == 0) {
			e->out->has_paused = json_bool(v, &e->out->paused);
			if (!e->out->has_paused)
				problem_add(e->p, at, "wrong-type", "expected true or false");
		} else if (json_is_object(v) && json_is_object(json_at(e->before, at))) {
			check_patch(e, v, at);
		} else {
			check_leaf(e, v, at);
		}
	}
}

/* spec.paused is an edit but no part of the document. */
static bool is_command(const char *parent, const char *key)
{
	return parent != NULL && strcmp(parent, "spec") == 0 && strcmp(key, "paused") == 0;
}

/* Writes target with patch merged in; both may be NULL. */
static void write_merged(struct json_writer *w, const char *key, const cJSON *target, const cJSON *patch)
{
	if (patch == NULL || !json_is_object(patch)) {
		jw_value(w, key, patch != NULL ? patch : target);
		return;
	}
	jw_object(w, key);
	json_each (v, json_is_object(target) ? target : NULL) {
		const cJSON *change = json_get(patch, v->string);
		if (change == NULL || !json_is_null(change))
			write_merged(w, v->string, v, change);
	}
	json_each (v, patch) {
		bool known = json_is_object(target) && json_get(target, v->string) != NULL;
		if (!known && !json_is_null(v) && !is_command(key, v->string))
			write_merged(w, v->string, NULL, v);
	}
	jw_end(w);
}

static const cJSON *merge(const cJSON *before, const cJSON *patch, struct arena *a, struct err *e)
{
	struct strbuf b;
	struct json_writer w;
	strbuf_init(&b, 4 * (size_t)SPEC_DOCUMENT_MAX);
	jw_init(&w, &b);
	write_merged(&w, NULL, before, patch);
	const cJSON *tree = b.failed ? NULL : json_parse(b.data, b.len, 0, a, e);
	strbuf_free(&b);
	return tree;
}

bool spec_merge_patch(const struct experiment_spec *s, const cJSON *patch, struct arena *a,
	struct spec_edit *out, struct problems *p)
{
	const char *text = spec_document(s, a);
	size_t before = p->total;
	struct err err;
	*out = (struct spec_edit){0};
	struct edit e = {json_parse(text, strlen(text), 0, a, &err), p, out};
	assert(e.before != NULL); /* we wrote it */
	if (!json_is_object(patch))
		return problem_add(p, "", "wrong-type", "expected an object with what is to change");
	check_patch(&e, patch, "");
	if (p->total > before)
		return false;
	const cJSON *merged = merge(e.before, patch, a, &err);
	if (merged == NULL)
		return problem_add(p, "", "too-large", "the document would become too large");
	struct spec_options opt = {.namespace = s->namespace, .executor = s->trial.executor};
	return spec_from_json(merged, &opt, a, &out->spec, p, NULL);
}
