#include "server/api/route.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/mem.h"
#include "lib/uri.h"

enum { SEGMENTS_MAX = 16 };

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

struct auth *router_auth(const struct router *r)
{
	return r->auth;
}

void *router_app(const struct router *r)
{
	return r->app;
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
	return m.route && m.route->max_body ? m.route->max_body : ROUTE_BODY_DEFAULT;
}

const char *route_param(const struct http_req *req, const char *name)
{
	for (size_t i = 0; i < req->n_params; i++)
		if (strcmp(req->params[i].name, name) == 0)
			return req->params[i].value;
	assert(!"the template has this parameter");
	return NULL;
}
