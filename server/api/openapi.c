/* The OpenAPI document. */
#include "server/api/openapi.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "lib/json_schema.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "server/api/route.h"
#include "server/api/schema.h"

enum { QUERY_SCHEMA_MAX = 1 << 20 };

static const char description[] =
	"Hyperparameter tuning. Errors are RFC 9457 problems with every error at once. Lists are paged by `continue`. "
	"A POST that creates something may carry an Idempotency-Key: the same request sent again gets the first answer. "
	"Numbers that are not finite are the strings NaN, Infinity, -Infinity.";

static const char problem_schema[] =
	"{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\"],\"properties\":{"
	"\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
	"\"detail\":{\"type\":\"string\"},\"instance\":{\"type\":\"string\"},\"requestId\":{\"type\":\"string\"},"
	"\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"pointer\",\"code\",\"detail\"],"
	"\"properties\":{\"pointer\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"},"
	"\"didYouMean\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}}}}";

/* Documents that handlers read themselves. */
static const struct { const char *name, *schema; } free_bodies[] = {
	{"ExperimentPatch", "{\"type\":\"object\",\"description\":\"a merge patch (RFC 7386) of the document: "
		"metadata.labels, metadata.annotations, spec.budget and spec.paused may change\"}"},
	{"Metrics", "{\"oneOf\":[{\"type\":\"object\",\"required\":[\"metrics\"],\"properties\":{\"metrics\":{\"type\":\"array\","
		"\"maxItems\":1000,\"items\":{\"type\":\"object\",\"required\":[\"metric\",\"value\"],\"properties\":{"
		"\"metric\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9_./-]{1,250}$\"},"
		"\"value\":{\"type\":[\"number\",\"string\"]},\"step\":{\"type\":\"integer\"},"
		"\"time\":{\"type\":\"string\",\"format\":\"date-time\"}}}},\"dropped\":{\"type\":\"integer\"}}},"
		"{\"type\":\"object\",\"description\":\"metric: value pairs, and step\","
		"\"additionalProperties\":{\"type\":[\"number\",\"string\"]}}]}"},
};

/* ---- parameters ---------------------------------------------------------------------------------------- */

static void path_parameters(struct json_writer *w, struct arena *a, const char *path)
{
	for (const char *open = strchr(path, '{'); open; open = strchr(open + 1, '{')) {
		const char *close = strchr(open, '}');

		assert(close);
		jw_object(w, NULL);
		jw_str(w, "name", arena_strndup(a, open + 1, (size_t)(close - open - 1)));
		jw_str(w, "in", "path");
		jw_bool(w, "required", true);
		jw_raw(w, "schema", OUT_STRING);
		jw_end(w);
	}
}

/* The properties that the table's schema has, as a tree. */
static const cJSON *properties_of(struct arena *a, const struct json_field *fields)
{
	struct strbuf text;
	struct json_writer w;

	strbuf_init(&text, QUERY_SCHEMA_MAX);
	jw_init(&w, &text);
	jw_object(&w, NULL);
	json_schema_write(&w, "schema", fields);
	jw_end(&w);
	const cJSON *tree = json_parse(text.data, text.len, 0, a, NULL);
	strbuf_free(&text);
	assert(tree && "a table's schema is JSON");
	return json_get(json_get(tree, "schema"), "properties");
}

static void query_parameters(struct json_writer *w, struct arena *a, const struct json_field *fields)
{
	const cJSON *properties = properties_of(a, fields);

	for (const struct json_field *f = fields; f->kind != JF_K_END; f++) {
		jw_object(w, NULL);
		jw_str(w, "name", f->name);
		jw_str(w, "in", "query");
		jw_bool(w, "required", f->need == JF_REQUIRED);
		jw_str(w, "description", f->doc);
		jw_value(w, "schema", json_get(properties, f->name));
		jw_end(w);
	}
}

static void parameters(struct json_writer *w, struct arena *a, const struct route *r)
{
	if (!strchr(r->path, '{') && !r->query)
		return;
	jw_array(w, "parameters");
	path_parameters(w, a, r->path);
	if (r->query)
		query_parameters(w, a, r->query);
	jw_end(w);
}

/* ---- bodies and answers -------------------------------------------------------------------------------- */

static void ref(struct json_writer *w, const char *key, const char *name)
{
	char text[120];

	snprintf(text, sizeof text, "#/components/schemas/%s", name);
	jw_object(w, key);
	jw_str(w, "$ref", text);
	jw_end(w);
}

static void content(struct json_writer *w, const char *type, const char *schema)
{
	jw_object(w, type);
	if (schema)
		ref(w, "schema", schema);
	else
		jw_raw(w, "schema", OUT_STRING);
	jw_end(w);
}

static void request_body(struct json_writer *w, struct arena *a, const struct route *r)
{
	const char *p = r->media ? r->media : "application/json";

	if (!r->body_name)
		return;
	jw_object(w, "requestBody");
	jw_bool(w, "required", !(r->flags & ROUTE_BODY_OPTIONAL));
	jw_object(w, "content");
	if (*p == '*')
		p = "application/json application/x-ndjson text/plain";
	for (; *p; p += strcspn(p, " "), p += strspn(p, " ")) {
		const char *type = arena_strndup(a, p, strcspn(p, " "));
		bool text = strncmp(type, "text/plain", 10) == 0 || strstr(type, "ndjson");
		content(w, type, text ? NULL : r->body_name);
	}
	jw_end(w);
	jw_end(w);
}

static void responses(struct json_writer *w, const struct route *r)
{
	char status[12];

	snprintf(status, sizeof status, "%d", r->status);
	jw_object(w, "responses");
	jw_object(w, status);
	jw_str(w, "description", r->summary);
	if (r->answer || r->answer_type) {
		jw_object(w, "content");
		content(w, r->answer_type ? r->answer_type : "application/json", r->answer);
		jw_end(w);
	}
	jw_end(w);
	jw_object(w, "default");
	jw_str(w, "$ref", "#/components/responses/Problem");
	jw_end(w);
	jw_end(w);
}

/* ---- paths --------------------------------------------------------------------------------------------- */

static const char *tag_of(const struct route *r)
{
	static const struct { const char *part, *tag; } tags[] = {
		{"/trials", "trials"}, {"/tokens", "tokens"}, {"/algorithms", "algorithms"}, {"/experiments", "experiments"},
		{"/validate", "experiments"}, {"/watch", "experiments"},
	};

	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
		if (strstr(r->path, tags[i].part))
			return tags[i].tag;
	return "server";
}

static void operation(struct json_writer *w, struct arena *a, const struct route *r)
{
	static const char *const methods[] = {[HTTP_GET] = "get", [HTTP_HEAD] = "head", [HTTP_POST] = "post",
		[HTTP_PUT] = "put", [HTTP_PATCH] = "patch", [HTTP_DELETE] = "delete", [HTTP_OPTIONS] = "options"};

	assert(r->id && r->summary && r->status);
	jw_object(w, methods[r->method]);
	jw_str(w, "operationId", r->id);
	jw_str(w, "summary", r->summary);
	if (r->doc)
		jw_str(w, "description", r->doc);
	jw_array(w, "tags");
	jw_str(w, NULL, tag_of(r));
	jw_end(w);
	if (r->need == ROLE_NONE) {
		jw_array(w, "security");
		jw_end(w);
	} else {
		jw_str(w, "x-role", role_name(r->need));
	}
	parameters(w, a, r);
	request_body(w, a, r);
	responses(w, r);
	jw_end(w);
}

static bool shown_before(const struct router *r, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!(router_at(r, j)->flags & ROUTE_HIDDEN) && strcmp(router_at(r, j)->path, router_at(r, i)->path) == 0)
			return true;
	return false;
}

static void paths(struct json_writer *w, struct arena *a, const struct router *r)
{
	jw_object(w, "paths");
	for (size_t i = 0; i < router_count(r); i++) {
		const char *path = router_at(r, i)->path;

		if (router_at(r, i)->flags & ROUTE_HIDDEN || shown_before(r, i))
			continue;
		jw_object(w, path);
		for (size_t j = i; j < router_count(r); j++)
			if (strcmp(router_at(r, j)->path, path) == 0 && !(router_at(r, j)->flags & ROUTE_HIDDEN))
				operation(w, a, router_at(r, j));
		jw_end(w);
	}
	jw_end(w);
}

/* ---- components ---------------------------------------------------------------------------------------- */

static bool body_shown_before(const struct router *r, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (router_at(r, j)->body && strcmp(router_at(r, j)->body_name, router_at(r, i)->body_name) == 0)
			return true;
	return false;
}

static void component_schemas(struct json_writer *w, const struct router *r)
{
	jw_object(w, "schemas");
	jw_raw(w, "Problem", problem_schema);
	for (size_t i = 0; i < sizeof free_bodies / sizeof free_bodies[0]; i++)
		jw_raw(w, free_bodies[i].name, free_bodies[i].schema);
	for (size_t i = 0; i < router_count(r); i++)
		if (router_at(r, i)->body && !body_shown_before(r, i))
			json_schema_write(w, router_at(r, i)->body_name, router_at(r, i)->body);
	for (const struct schema *s = schemas; s->name; s++)
		json_schema_write(w, s->name, s->fields);
	jw_end(w);
}

static void components(struct json_writer *w, const struct router *r)
{
	jw_object(w, "components");
	jw_raw(w, "securitySchemes", "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"}}");
	jw_raw(w, "responses",
		"{\"Problem\":{\"description\":\"What was wrong, all of it\",\"content\":{\"application/problem+json\":"
		"{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}}");
	component_schemas(w, r);
	jw_end(w);
}

void openapi_write(struct strbuf *out, const struct router *r, const char *version)
{
	struct arena *a = arena_new();
	struct json_writer w;

	jw_init(&w, out);
	jw_object(&w, NULL);
	jw_str(&w, "openapi", "3.1.0");
	jw_object(&w, "info");
	jw_str(&w, "title", "trimtab");
	jw_str(&w, "version", version);
	jw_str(&w, "description", description);
	jw_raw(&w, "license", "{\"name\":\"GPL-3.0-or-later\",\"identifier\":\"GPL-3.0-or-later\"}");
	jw_end(&w);
	jw_raw(&w, "security", "[{},{\"bearer\":[]}]");
	paths(&w, a, r);
	components(&w, r);
	jw_end(&w);
	arena_free(a);
}
