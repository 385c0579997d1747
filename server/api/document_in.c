/* An experiment document out of a request. */
#include "server/api/document_in.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "lib/yaml.h"
#include "server/api/res.h"
#include "server/model/spec.h"

#define KATIB_API "kubeflow.org/v1beta1"
#define UNKNOWN_FIELD "unknown-field"

const char *const field_validation_names[] = {
	[FIELDS_STRICT] = "Strict", [FIELDS_WARN] = "Warn", [FIELDS_IGNORE] = "Ignore", NULL};

const cJSON *body_tree(struct http_req *req)
{
	bool json = !*req->media_type || strstr(req->media_type, "json");
	struct err e;

	const cJSON *tree = json ? json_parse(req->body, req->body_len, SPEC_DOCUMENT_MAX, req->arena, &e)
	                         : yaml_parse(req->body, req->body_len, SPEC_DOCUMENT_MAX, req->arena, &e);
	if (!tree)
		http_reply_err(req, &e);
	return tree;
}

/* ---- unknown fields that are let pass ---------------------------------------------------------------- */

static bool is_unknown(const struct problems *p, const char *pointer)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->items[i].code, UNKNOWN_FIELD) == 0 && strcmp(p->items[i].pointer, pointer) == 0)
			return true;
	return false;
}

static void write_known(struct json_writer *w, const char *key, const cJSON *v, const char *at, struct problems *p)
{
	size_t i = 0;

	if (!json_is_object(v) && !json_is_array(v))
		return jw_value(w, key, v);
	if (json_is_object(v))
		jw_object(w, key);
	else
		jw_array(w, key);
	json_each(item, v) {
		const char *path = item->string ? problem_path(p, at, item->string) : problem_index(p, at, i++);
		if (!is_unknown(p, path))
			write_known(w, item->string, item, path, p);
	}
	jw_end(w);
}

/* The document without the fields that are not known. */
static const cJSON *known_only(const cJSON *doc, struct problems *p, struct arena *a)
{
	struct strbuf text;
	struct json_writer w;

	strbuf_init(&text, 8 * SPEC_DOCUMENT_MAX);
	jw_init(&w, &text);
	write_known(&w, NULL, doc, "", p);
	const cJSON *out = text.failed ? NULL : json_parse(text.data, text.len, 0, a, NULL);
	strbuf_free(&text);
	return out;
}

static bool only_unknown(const struct problems *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->items[i].code, UNKNOWN_FIELD) != 0)
			return false;
	return p->n > 0 && p->n == p->total;
}

/* ---- the spec ---------------------------------------------------------------------------------------- */

static void warn(struct http_req *req, const struct problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		char *text = arena_printf(req->arena, "299 - \"%s: %s\"", p->items[i].pointer, p->items[i].detail);
		for (char *c = text + strlen("299 - \""); c[1]; c++)
			if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
				*c = '\'';
		http_set_header(req, "Warning", text);
	}
}

static void refuse(struct http_req *req, const struct problems *p)
{
	const char *title = arena_printf(req->arena, "The experiment document has %zu error%s", p->total,
		p->total == 1 ? "" : "s");

	http_reply_problems(req, p, "invalid-experiment", title, "Nothing was created. Fix the fields below and post again.");
}

static bool is_katib(const cJSON *doc)
{
	const char *api = json_str(json_get(doc, "apiVersion"));

	return api && strcmp(api, KATIB_API) == 0;
}

const struct experiment_spec *body_spec(struct http_req *req, const char *ns, enum field_validation how,
	struct problems *warnings)
{
	const struct spec_options opt = {.namespace = ns, .executor = api_app(req)->executor};
	struct problems *p = ARENA_NEW(req->arena, struct problems);
	struct problems *advice = ARENA_NEW(req->arena, struct problems);
	const struct experiment_spec *spec;
	const cJSON *doc = body_tree(req);

	assert(how <= FIELDS_IGNORE);
	if (!doc)
		return NULL;
	problems_init(p, req->arena);
	problems_init(advice, req->arena);
	if (ns && !name_valid(ns, SPEC_NAMESPACE_MAX)) {
		problem_add(p, "/metadata/namespace", "bad-name",
			"'%.80s', the namespace of the path, is not a name: lower-case letters, digits and '-', a letter first", ns);
		refuse(req, p);
		return NULL;
	}
	if (is_katib(doc)) {
		problem_add(p, "/apiVersion", "katib-not-supported",
			"this server does not take documents of " KATIB_API " yet: write it as trimtab/v1");
		refuse(req, p);
		return NULL;
	}
	if (!spec_from_json(doc, &opt, req->arena, &spec, p, advice)) {
		const cJSON *known = how != FIELDS_STRICT && only_unknown(p) ? known_only(doc, p, req->arena) : NULL;
		struct problems *rest = ARENA_NEW(req->arena, struct problems);

		problems_init(rest, req->arena);
		if (!known || !spec_from_json(known, &opt, req->arena, &spec, rest, NULL)) {
			refuse(req, known ? rest : p);
			return NULL;
		}
		if (how == FIELDS_WARN)
			warn(req, p);
	}
	warn(req, advice);
	if (warnings)
		*warnings = *advice;
	return spec;
}
