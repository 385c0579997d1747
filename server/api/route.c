#include "server/api/route.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/mem.h"
#include "lib/problems.h"
#include "lib/strbuf.h"
#include "lib/uri.h"
#include "server/api/problem_reply.h"
#include "server/api/query.h"

enum { SEGMENTS_MAX = 16, BODY_DEFAULT = 1 << 20 };

/* In the order in which they win over each other. */
enum segment_kind { SEG_LITERAL, SEG_PARAM_VERB, SEG_PARAM, SEG_REST };

struct segment {
	enum segment_kind kind;
	const char *text; /* literal: itself; else the parameter's name */
	size_t n;
	const char *verb; /* with its colon                             */
	size_t verb_n;
};

struct compiled {
	const struct route *row;
	size_t n;
	struct segment seg[SEGMENTS_MAX];
	size_t order; /* of addition                                */
};

struct router {
	struct auth *auth;
	void *app;
	struct arena *arena;
	struct compiled *routes; /* the most specific first                    */
	size_t n;
	const struct route **rows; /* in the order of addition                   */
};

struct slice {
	const char *p;
	size_t n;
};

/* --- compiling ------------------------------------------------------------------------------ */

static void compile_segment(struct router *r, struct segment *s, const char *p, size_t n)
{
	if (p[0] != '{') {
		*s = (struct segment){.kind = SEG_LITERAL, .text = p, .n = n};
		return;
	}
	const char *end = memchr(p, '}', n);
	assert(end && "a parameter's brace is closed");
	size_t name_n = (size_t)(end - p) - 1, verb_n = n - name_n - 2;
	bool is_rest = name_n > 3 && memcmp(end - 3, "...", 3) == 0;
	assert(verb_n == 0 || (end[1] == ':' && verb_n > 1));
	if (is_rest)
		name_n -= 3;
	*s = (struct segment){
		.kind = is_rest  ? SEG_REST
	            : verb_n ? SEG_PARAM_VERB
	                     : SEG_PARAM,
		.text = arena_strndup(r->arena, p + 1, name_n),
		.n = name_n,
		.verb = end + 1,
		.verb_n = verb_n,
	};
}

/* Cuts "/a/b" into slices; a trailing slash does not count. False: too many. */
static bool split(const char *path, struct slice *out, size_t *n)
{
	*n = 0;
	while (*path == '/' && path[1]) {
		size_t len = strcspn(path + 1, "/");
		if (*n == SEGMENTS_MAX)
			return false;
		out[(*n)++] = (struct slice){path + 1, len};
		path += 1 + len;
	}
	return true;
}

static void compile(struct router *r, struct compiled *c, const struct route *row)
{
	struct slice parts[SEGMENTS_MAX];
	assert(row->path[0] == '/' && row->handler && row->method < HTTP_OTHER);
	*c = (struct compiled){.row = row};
	bool fits = split(row->path, parts, &c->n);
	assert(fits && "a template has at most SEGMENTS_MAX segments");
	(void)fits;
	for (size_t i = 0; i < c->n; i++) {
		compile_segment(r, &c->seg[i], parts[i].p, parts[i].n);
		assert((c->seg[i].kind != SEG_REST || i + 1 == c->n) && "{rest...} comes last");
	}
}

static int compare_text(const char *a, size_t an, const char *b, size_t bn)
{
	int d = memcmp(a, b, an < bn ? an : bn);
	return d ? d : (an > bn) - (an < bn);
}

/* What is more literal at the first difference comes first. */
static int compare(const void *pa, const void *pb)
{
	const struct compiled *a = pa, *b = pb;
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		const struct segment *x = &a->seg[i], *y = &b->seg[i];
		if (x->kind != y->kind)
			return (int)x->kind - (int)y->kind;
		int d = 0;
		if (x->kind == SEG_LITERAL)
			d = compare_text(x->text, x->n, y->text, y->n);
		else if (x->kind == SEG_PARAM_VERB)
			d = compare_text(x->verb, x->verb_n, y->verb, y->verb_n);
		if (d)
			return d;
	}
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return (int)a->row->method - (int)b->row->method;
}

struct router *router_new(struct auth *auth, void *app)
{
	struct router *r = xcalloc(1, sizeof *r);
	r->auth = auth;
	r->app = app;
	r->arena = arena_new();
	return r;
}

void router_free(struct router *r)
{
	if (!r)
		return;
	free(r->routes);
	free(r->rows);
	arena_free(r->arena);
	free(r);
}

void router_add(struct router *r, const struct route *routes, size_t n)
{
	r->routes = xreallocarray(r->routes, r->n + n, sizeof *r->routes);
	r->rows = xreallocarray(r->rows, r->n + n, sizeof *r->rows);
	for (size_t i = 0; i < n; i++) {
		r->rows[r->n] = &routes[i];
		compile(r, &r->routes[r->n++], &routes[i]);
	}
	qsort(r->routes, r->n, sizeof *r->routes, compare);
	for (size_t i = 1; i < r->n; i++)
		assert(compare(&r->routes[i - 1], &r->routes[i]) != 0 && "a route is there once");
}

size_t router_count(const struct router *r)
{
	return r->n;
}

const struct route *router_at(const struct router *r, size_t i)
{
	assert(i < r->n);
	return r->rows[i];
}

/* --- matching ------------------------------------------------------------------------------- */

static bool segment_matches(const struct segment *s, struct slice part)
{
	switch (s->kind) {
	case SEG_LITERAL:
		return part.n == s->n && memcmp(part.p, s->text, s->n) == 0;
	case SEG_PARAM_VERB:
		return part.n > s->verb_n && memcmp(part.p + part.n - s->verb_n, s->verb, s->verb_n) == 0;
	case SEG_PARAM:
		/* A colon announces a verb: one that nobody knows is not part of a name. */
		return part.n > 0 && !memchr(part.p, ':', part.n);
	case SEG_REST:
		return true;
	}
	return false;
}

static bool matches(const struct compiled *c, const struct slice *parts, size_t n)
{
	bool rest = c->n && c->seg[c->n - 1].kind == SEG_REST;
	if (rest ? n < c->n : n != c->n)
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (!segment_matches(&c->seg[i], parts[i]))
			return false;
	return true;
}

static void take_params(
	const struct compiled *c, const struct slice *parts, struct arena *a, struct route_match *m)
{
	m->params = ARENA_NEW_N(a, struct http_pair, c->n + 1);
	for (size_t i = 0; i < c->n; i++) {
		const struct segment *s = &c->seg[i];
		if (s->kind == SEG_LITERAL)
			continue;
		size_t n = s->kind == SEG_REST ? strlen(parts[i].p) : parts[i].n - s->verb_n;
		const char *value = uri_decode(parts[i].p, n, false, a, NULL);
		m->malformed |= !value;
		m->params[m->n_params++] = (struct http_pair){s->text, value};
	}
}

struct route_match router_match(
	const struct router *r, enum http_method method, const char *path, struct arena *a)
{
	struct route_match m = {0};
	struct slice parts[SEGMENTS_MAX];
	size_t n;
	if (path[0] != '/' || !split(path, parts, &n))
		return m;
	enum http_method as = method == HTTP_HEAD ? HTTP_GET : method;
	for (size_t i = 0; i < r->n; i++) {
		const struct compiled *c = &r->routes[i];
		if (!matches(c, parts, n))
			continue;
		m.allow |= 1u << c->row->method;
		if (c->row->method != as)
			continue;
		m.route = c->row;
		take_params(c, parts, a, &m);
		break;
	}
	if (m.allow & 1u << HTTP_GET)
		m.allow |= 1u << HTTP_HEAD;
	if (m.allow)
		m.allow |= 1u << HTTP_OPTIONS;
	return m;
}

size_t router_body_limit(enum http_method method, const char *path, void *ctx)
{
	struct arena *a = arena_new();
	struct route_match m = router_match(ctx, method, path, a);
	arena_free(a);
	return m.route && m.route->max_body ? m.route->max_body : BODY_DEFAULT;
}

const char *route_param(const struct http_req *req, const char *name)
{
	for (size_t i = 0; i < req->n_params; i++)
		if (strcmp(req->params[i].name, name) == 0)
			return req->params[i].value;
	assert(!"the template has this parameter");
	return NULL;
}

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

static bool refuse_type(struct http_req *req, const struct route *row)
{
	bool decoded = row->body && !(row->flags & ROUTE_RAW);
	struct err e;
	err_set(&e, ERR_MEDIA_TYPE, "the content type '%.80s' is not accepted here; send %s%s%s", req->media_type,
		decoded || !row->media ? "application/json" : "", decoded && row->media ? " or " : "",
		row->media ? row->media : "");
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
	size_t max = row->max_body ? row->max_body : BODY_DEFAULT;
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
 * asks for no token. Its requests carry a foreign Origin, or a Host that it made point here. */
static bool from_foreign_page(const struct http_req *req, struct err *e)
{
	const char *origin = http_header(req, "origin"), *host = http_header(req, "host");
	if (!host)
		host = "";
	if (origin) {
		const char *sep = strstr(origin, "://");
		if (!sep || strcasecmp(sep + 3, host) != 0)
			return !err_set(
				e, ERR_FORBIDDEN, "requests of web pages from '%.100s' are refused without a token", origin);
	}
	size_t n = strcspn(host, ":");
	bool is_address = strspn(host, "0123456789.") == n || host[0] == '[' || n == 0;
	if (!is_address && !(n == 9 && strncasecmp(host, "localhost", 9) == 0))
		return !err_set(e, ERR_FORBIDDEN,
			"the host '%.100s' is refused without a token: use localhost or the address", host);
	return false;
}

static void identified_checked(void *ctx, const struct principal *p, const struct err *failed)
{
	struct err e;
	if (p && p->kind == PRINCIPAL_ANONYMOUS && from_foreign_page(ctx, &e))
		failed = &e;
	identified(ctx, p, failed);
}

void router_handle(struct http_req *req, void *ctx)
{
	struct router *r = ctx;
	struct err e;
	struct route_match m = router_match(r, req->method, req->path, req->arena);
	if (!m.route) {
		no_route(req, &m);
		return;
	}
	req->route = m.route;
	req->params = m.params;
	req->n_params = m.n_params;
	req->app = r->app;
	if (m.malformed) {
		err_set(&e, ERR_MALFORMED, "the path is not well-formed: it must be percent-encoded UTF-8");
		http_reply_err(req, &e);
	} else if (m.route->need == ROLE_NONE) {
		identified(req, &(struct principal){.kind = PRINCIPAL_NOBODY, .name = "", .ns = ""}, NULL);
	} else {
		auth_identify(r->auth, http_header(req, "authorization"), req->arena, identified_checked, req);
	}
}
