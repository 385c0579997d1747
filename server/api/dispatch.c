/* The way of a request from its path to its handler. */
#include <string.h>
#include <strings.h>

#include "lib/arena.h"
#include "lib/problems.h"
#include "server/api/problem_reply.h"
#include "server/api/query.h"
#include "server/api/route.h"

/* --- documents ------------------------------------------------------------------------------ */

static bool is_json_type(const char *type)
{
	size_t n = strlen(type);
	return !type[0] || strcmp(type, "application/json") == 0 || (n > 5 && strcmp(type + n - 5, "+json") == 0);
}

static bool type_listed(const char *list, const char *type)
{
	size_t n = strlen(type);
	for (; list && *list; list += strcspn(list, " "), list += strspn(list, " ")) {
		size_t len = strcspn(list, " ");
		if ((len == 1 && *list == '*') || (len == n && n && memcmp(list, type, n) == 0))
			return true;
	}
	return false;
}

static bool blank(const struct http_req *req)
{
	for (size_t i = 0; i < req->body_len; i++)
		if (!strchr(" \t\r\n", req->body[i]) || !req->body[i])
			return false;
	return true;
}

/* Says which types there are, with commas; form data is what curl sends when it is not told. */
static bool refuse_type(struct http_req *req, const struct route *row)
{
	struct err e;
	bool json = row->body && !type_listed(row->media, "application/json");
	const char *sep = json && row->media ? ", " : "";
	char *types =
		arena_printf(req->arena, "%s%s%s", json ? "application/json" : "", sep, row->media ? row->media : "");
	const char *list = "";
	for (const char *p = types; *p; p += strcspn(p, " ,"), p += strspn(p, " ,"))
		list = arena_printf(req->arena, "%s%s%.*s", list, *list ? ", " : "", (int)strcspn(p, " ,"), p);
	bool form = strcmp(req->media_type, "application/x-www-form-urlencoded") == 0;
	err_set(&e, ERR_MEDIA_TYPE, "the content type '%.80s' is not accepted here; accepted: %s%s",
		req->media_type, list, form ? ". With curl: -H 'Content-Type: application/json'" : "");
	http_reply_err(req, &e);
	return false;
}

static bool decode_body(struct http_req *req, const struct route *row)
{
	struct problems problems;
	problems_init(&problems, req->arena);
	req->in = arena_calloc(req->arena, 1, row->body_size);
	if (json_decode(req->json, row->body, req->in, "", &problems))
		return true;
	http_reply_problems(req, &problems, NULL, NULL, NULL);
	return false;
}

static bool parse_body(struct http_req *req, const struct route *row)
{
	struct err e;
	bool empty = blank(req);
	const char *text = empty && row->flags & ROUTE_BODY_OPTIONAL ? "{}" : req->body;
	if (empty && text == req->body) {
		err_set(&e, ERR_MALFORMED, "the request needs a body");
		http_reply_err(req, &e);
		return false;
	}
	req->json = json_parse(text, text == req->body ? req->body_len : 2, 0, req->arena, &e);
	if (!req->json) {
		http_reply_err(req, &e);
		return false;
	}
	return row->body ? decode_body(req, row) : true;
}

/* What takes no document still gets "{}" from clients that always send one. */
static bool check_no_body(struct http_req *req)
{
	struct err e;
	if (req->method == HTTP_GET || req->method == HTTP_HEAD || blank(req))
		return true;
	const cJSON *v = json_parse(req->body, req->body_len, 0, req->arena, NULL);
	if (v && !v->child)
		return true;
	err_set(&e, ERR_MALFORMED, "this operation takes no body");
	http_reply_err(req, &e);
	return false;
}

static bool take_raw(struct http_req *req, const struct route *row)
{
	if (!req->media_type[0] || type_listed(row->media, req->media_type))
		return true;
	return refuse_type(req, row);
}

static bool take_body(struct http_req *req, const struct route *row)
{
	size_t max = row->max_body ? row->max_body : ROUTE_BODY_DEFAULT;
	if (req->body_len > max) {
		struct err e;
		err_set(
			&e, ERR_TOO_LARGE, "the body has %zu bytes; at most %zu are accepted here", req->body_len, max);
		http_reply_err(req, &e);
		return false;
	}
	if (!row->body && !row->media)
		return check_no_body(req);
	if (row->flags & ROUTE_RAW)
		return take_raw(req, row);
	if (is_json_type(req->media_type) && (row->body || type_listed(row->media, "application/json")))
		return parse_body(req, row);
	if (type_listed(row->media, req->media_type) || (!req->body_len && row->flags & ROUTE_BODY_OPTIONAL))
		return true;
	return refuse_type(req, row);
}

static bool take_query(struct http_req *req, const struct route *row)
{
	struct problems problems;
	problems_init(&problems, req->arena);
	req->query = row->query ? arena_calloc(req->arena, 1, row->query_size) : NULL;
	if (query_decode(req->query_text, row->query, row->flags & ROUTE_ANY_QUERY, req->query, &problems))
		return true;
	http_reply_problems(req, &problems, NULL, NULL, NULL);
	return false;
}

/* --- the way of a request ------------------------------------------------------------------- */

static bool may(const struct http_req *req, const struct route *row, struct err *e)
{
	const char *ns = row->flags & ROUTE_CLUSTER ? "*" : NULL;
	if (row->need == ROLE_NONE)
		return true;
	if (req->principal.kind == PRINCIPAL_TRIAL) {
		if (row->flags & ROUTE_TRIAL_TOKEN)
			return true; /* whose trial it is, the handler knows */
		return err_set(e, ERR_FORBIDDEN, "a trial's token may only report to and read its own trial");
	}
	for (size_t i = 0; !ns && i < req->n_params; i++)
		if (strcmp(req->params[i].name, "ns") == 0)
			ns = req->params[i].value;
	return auth_allows(&req->principal, row->need, ns, e);
}

static void identified(void *ctx, const struct principal *p, const struct err *failed)
{
	struct http_req *req = ctx;
	const struct route *row = req->route;
	struct err e;
	if (failed) {
		http_reply_err(req, failed);
		return;
	}
	req->principal = *p;
	if (!may(req, row, &e)) {
		http_reply_err(req, &e);
		return;
	}
	if (take_query(req, row) && take_body(req, row))
		row->handler(req);
}

static const char *allow_list(struct arena *a, unsigned allow)
{
	const char *list = "";
	for (int m = 0; m < HTTP_OTHER; m++)
		if (allow & 1u << m)
			list = arena_printf(a, "%s%s%s", list, *list ? ", " : "", http_method_name((enum http_method)m));
	return list;
}

/* The path is there, but not for this method. */
static void wrong_method(struct http_req *req, unsigned allow)
{
	const char *list = allow_list(req->arena, allow);
	if (req->method == HTTP_OPTIONS) {
		http_set_header(req, "Allow", list);
		http_reply_empty(req, 204);
		return;
	}
	http_reply_problem(req, &(struct problem_reply){
								.code = ERR_METHOD,
								.detail = arena_printf(req->arena, "this path takes %s", list),
								.allow = list,
							});
}

static void no_route(struct http_req *req, const struct route_match *m)
{
	struct err e;
	if (m->allow) {
		wrong_method(req, m->allow);
		return;
	}
	if (req->method == HTTP_OPTIONS && strcmp(req->path, "*") == 0) {
		http_reply_empty(req, 204);
		return;
	}
	err_set(
		&e, ERR_NOT_FOUND, "there is nothing at %.200s; GET /openapi.json lists what there is", req->path);
	http_reply_err(req, &e);
}

/* A web page of another site can make the user's browser send requests to a server on loopback that
 * asks for no token. Such a request carries a foreign Origin, */
static bool has_foreign_origin(const struct http_req *req, struct err *e)
{
	const char *origin = http_header(req, "origin"), *host = http_header(req, "host");
	const char *sep = origin ? strstr(origin, "://") : NULL;
	if (!origin || (sep && host && strcasecmp(sep + 3, host) == 0))
		return false;
	return !err_set(
		e, ERR_FORBIDDEN, "requests of web pages from '%.100s' are refused without a token", origin);
}

/* or, when its name was made to point here, a Host that is neither localhost nor an address. */
static bool has_foreign_host(const struct http_req *req, struct err *e)
{
	const char *host = http_header(req, "host");
	size_t n = host ? strcspn(host, ":") : 0;
	if (n == 0 || host[0] == '[' || strspn(host, "0123456789.") == n)
		return false;
	if (n == 9 && strncasecmp(host, "localhost", 9) == 0)
		return false;
	return !err_set(
		e, ERR_FORBIDDEN, "the host '%.100s' is refused without a token: use localhost or the address", host);
}

static void identified_any_host(void *ctx, const struct principal *p, const struct err *failed)
{
	struct err e;
	if (p && p->kind == PRINCIPAL_ANONYMOUS && has_foreign_origin(ctx, &e))
		failed = &e;
	identified(ctx, p, failed);
}

static void identified_loopback(void *ctx, const struct principal *p, const struct err *failed)
{
	struct err e;
	if (p && p->kind == PRINCIPAL_ANONYMOUS && has_foreign_host(ctx, &e))
		failed = &e;
	identified_any_host(ctx, p, failed);
}

void router_handle(struct http_req *req, void *ctx)
{
	const struct router *r = ctx;
	struct err e;
	struct route_match m = router_match(r, req->method, req->path, req->arena);
	if (!m.route) {
		no_route(req, &m);
		return;
	}
	req->route = m.route;
	req->params = m.params;
	req->n_params = m.n_params;
	req->app = router_app(r);
	struct auth *auth = router_auth(r);
	if (m.malformed) {
		err_set(&e, ERR_MALFORMED, "the path is not well-formed: it must be percent-encoded UTF-8");
		http_reply_err(req, &e);
	} else if (m.route->need == ROLE_NONE) {
		identified(req, &(struct principal){.kind = PRINCIPAL_NOBODY, .name = "", .ns = ""}, NULL);
	} else {
		auth_identify(auth, http_header(req, "authorization"), req->arena,
			auth_any_host(auth) ? identified_any_host : identified_loopback, req);
	}
}
