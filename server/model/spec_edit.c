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

enum { FIELDS_MAX = 1000 };    /* of one object of a patch */

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
static void check_leaf(struct edit *e, const cJSON *now, const cJSON *patch, const char *pointer)
{
	bool same = now != NULL ? json_equal(now, patch) : json_is_null(patch);
	if (!same && !is_editable(pointer))
		problem_add(e->p, pointer, "not-editable",
			"only labels, annotations, paused and the budget can change once an experiment exists");
}

/* Fields that the server adds to its answers. */
static bool is_servers(const char *pointer)
{
	static const char *const names[] = {"/status", "/metadata/uid", "/metadata/resourceVersion",
		"/metadata/createdAt", "/metadata/createdBy", "/metadata/archivedAt", NULL};
	for (size_t i = 0; names[i] != NULL; i++) {
		if (below(pointer, names[i]))
			return true;
	}
	return false;
}

static size_t count_fields(const cJSON *v)
{
	size_t n = 0;
	json_each (item, v)
		n++;
	return n;
}

static bool is_paused(struct edit *e, const cJSON *v, const char *pointer)
{
	if (strcmp(pointer, "/spec/paused") != 0)
		return false;
	e->out->has_paused = json_bool(v, &e->out->paused);
	if (!e->out->has_paused)
		problem_add(e->p, pointer, "wrong-type", "expected true or false");
	return true;
}

/* `now` is what the patch would change. What is too large to be looked into is a leaf. */
static void check_patch(struct edit *e, const cJSON *now, const cJSON *patch, const char *pointer)
{
	json_each (v, patch) {
		const cJSON *below = json_get(now, v->string);
		if (below != NULL && json_equal(below, v))
			continue;
		const char *at = problem_path(e->p, pointer, v->string);
		if (is_servers(at) || is_paused(e, v, at))
			continue;
		if (json_is_object(v) && json_is_object(below) && count_fields(v) <= FIELDS_MAX)
			check_patch(e, below, v, at);
		else
			check_leaf(e, below, v, at);
	}
}

static void write_merged(struct json_writer *w, const char *key, const cJSON *target, const cJSON *patch)
{
	if (patch == NULL || !json_is_object(patch)) {
		jw_value(w, key, patch != NULL ? patch : target);
		return;
	}
	jw_object(w, key);
	json_each (v, json_is_object(target) ? target : NULL) {
		const cJSON *change = json_get(patch, v->string);
		if (!json_is_null(change))
			write_merged(w, v->string, v, change);
	}
	json_each (v, patch) {
		bool known = json_is_object(target) && json_get(target, v->string) != NULL;
		if (!known && !json_is_null(v))
			write_merged(w, v->string, NULL, v);
	}
	jw_end(w);
}

/* One part of the document, of which only `fields` may have changed. */
static void write_part(struct json_writer *w, const cJSON *part, const cJSON *patch, const char *const *fields)
{
	jw_object(w, part->string);
	json_each (v, part) {
		bool open = false;
		for (size_t i = 0; fields[i] != NULL; i++)
			open = open || strcmp(fields[i], v->string) == 0;
		const cJSON *change = open ? json_get(patch, v->string) : NULL;
		if (!json_is_null(change))
			write_merged(w, v->string, v, change);
	}
	for (size_t i = 0; fields[i] != NULL; i++) {
		const cJSON *added = json_get(patch, fields[i]);
		if (added != NULL && !json_is_null(added) && json_get(part, fields[i]) == NULL)
			write_merged(w, fields[i], NULL, added);
	}
	jw_end(w);
}

/* All that the check let through beside these parts is as it was. */
static const cJSON *merge(const cJSON *before, const cJSON *patch, struct arena *a, struct err *e)
{
	static const char *const metadata[] = {"labels", "annotations", NULL}, *const spec[] = {"budget", NULL};
	struct strbuf b;
	struct json_writer w;
	strbuf_init(&b, 4 * (size_t)SPEC_DOCUMENT_MAX);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	write_part(&w, json_get(before, "metadata"), json_get(patch, "metadata"), metadata);
	write_part(&w, json_get(before, "spec"), json_get(patch, "spec"), spec);
	jw_end(&w);
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
	check_patch(&e, e.before, patch, "");
	if (p->total > before)
		return false;
	const cJSON *merged = merge(e.before, patch, a, &err);
	if (merged == NULL)
		return problem_add(p, "", "too-large", "the document would become too large");
	struct spec_options opt = {.namespace = s->namespace, .executor = s->trial.executor};
	return spec_from_json(merged, &opt, a, &out->spec, p, NULL);
}
