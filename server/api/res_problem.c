/* What the type of an error means: where the `type` of a problem leads. */
#include <string.h>

#include "lib/attr.h"
#include "server/api/res.h"

/* Why it happens and what to do, for those types where the title does not say it all. */
static const struct { const char *type, *text; } advice[] = {
	{"malformed", "The text is no JSON or YAML; the detail gives line and column."},
	{"unauthenticated", "Send a token that is valid: `Authorization: Bearer ...`."},
	{"forbidden", "The token is valid, but its role or its namespace does not allow this; the detail names the "
		"missing right."},
	{"already-exists", "Another document has this name. `diff` shows where the two differ: take another name, or "
		"change the budget of the one that is there."},
	{"conflict", "What is stored says something else than the request; the answer shows both."},
	{"wrong-state", "`allowedActions` lists what the present state allows."},
	{"gone", "It was deleted: stop reporting to it."},
	{"stale", "Somebody changed it since: read it again and repeat the change with the new ETag."},
	{"too-large", "Split the request; GET /api/v1 has the limits."},
	{"invalid", "`errors` lists every problem with the place (a JSON pointer, or ?name for a query parameter), a "
		"code, a sentence, and what was probably meant."},
	{"invalid-experiment", "`errors` lists every problem of the document. Nothing was created."},
	{"idempotency-key-reused", "The Idempotency-Key came with another request before: use a new key for a new request."},
	{"slow-down", "Send it again after the seconds in Retry-After."},
	{"unavailable", "PostgreSQL or something else that is needed does not answer now: send it again after the "
		"seconds in Retry-After."},
	{"timeout", "It was not finished in time; it may still take effect. A request with an Idempotency-Key can be "
		"sent again."},
};

static const char *advice_of(const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(advice); i++)
		if (strcmp(advice[i].type, type) == 0)
			return advice[i].text;
	return NULL;
}

static bool find(const char *type, int *status, const char **title)
{
	static const enum err_code codes[] = {
#define X(code, ...) code,
		ERR_MAP(X)
#undef X
	};

	for (size_t i = 1; i < ARRAY_LEN(codes); i++)
		if (strcmp(err_type(codes[i]), type) == 0) {
			*status = err_status(codes[i]);
			*title = err_title(codes[i]);
			return true;
		}
	*status = 422;
	*title = "The experiment document has errors";
	return strcmp(type, "invalid-experiment") == 0;
}

static void problem(struct http_req *req)
{
	const char *type = route_param(req, "type"), *title;
	int status;

	if (!find(type, &status, &title))
		return api_fail(req, ERR_NOT_FOUND, "'%.100s' is no type of error", type);
	struct json_writer *w = http_json(req);
	jw_object(w, NULL);
	jw_str(w, "type", type);
	jw_int(w, "status", status);
	jw_str(w, "title", title);
	jw_str(w, "advice", advice_of(type));
	jw_end(w);
	http_reply_json(req, 200);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = "/problems/{type}", .handler = problem, .flags = ROUTE_ANY_QUERY,
		.status = 200, .answer = "ProblemType", .id = "getProblemType", .summary = "What a type of error means"},
};
ROUTE_TABLE(res_problem, routes);

const struct json_field problem_type_schema[] = {
	OUT("type", OUT_STRING, "the last part of a problem's `type`"),
	OUT("status", OUT_INTEGER, "its HTTP status"),
	OUT("title", OUT_STRING, "in a few words"),
	OUT("advice", OUT_STRING_OR_NULL, "what to do"),
	JF_END,
};
