/* Any path, query and Authorization header through the router's own parts: no crash, and what is
 * found is well-formed. Input: one byte of method, then path, newline, query. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/problems.h"
#include "lib/utf8.h"
#include "server/api/page.h"
#include "server/api/query.h"
#include "server/api/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void never(struct http_req *req)
{
	(void)req;
	abort();
}

struct query {
	int64_t limit, wait_us;
	const char *cont;
	int order;
	bool full;
	double min;
	struct json_list state;
};
static const char *const order_names[] = {"name", "rank", NULL};
static const struct json_field fields[] = {
	JF_INT(struct query, limit, "limit", JF_OPTIONAL, 1, 1000, "100", "how many"),
	JF_DURATION(struct query, wait_us, "wait", JF_OPTIONAL, 0, 60, NULL, "how long to wait"),
	JF_STR(struct query, cont, "continue", JF_OPTIONAL, 0, PAGE_CURSOR_MAX, "where to go on"),
	JF_ENUM(struct query, order, "sort", JF_OPTIONAL, order_names, "\"rank\"", "the order"),
	JF_BOOL(struct query, full, "full", "false", "everything"),
	JF_NUM(struct query, min, "min", JF_OPTIONAL, 0, 1, "0.5", "least value"),
	JF_STRINGS(struct query, state, "state", JF_OPTIONAL, 0, 3, "only these"),
	JF_END,
};

#define TRIALS "/api/v1/namespaces/{ns}/experiments/{name}/trials"
static const struct route routes[] = {
	{.method = HTTP_GET, .path = "/", .handler = never},
	{.method = HTTP_GET,
		.path = TRIALS,
		.handler = never,
		.query = fields,
		.query_size = sizeof(struct query)},
	{.method = HTTP_POST, .path = TRIALS ":ask", .handler = never},
	{.method = HTTP_GET, .path = TRIALS "/{trial}", .handler = never},
	{.method = HTTP_POST, .path = TRIALS "/{trial}:tell", .handler = never},
	{.method = HTTP_POST, .path = TRIALS "/{trial}:kill", .handler = never},
	{.method = HTTP_GET, .path = TRIALS "/best", .handler = never},
	{.method = HTTP_GET, .path = "/assets/{file...}", .handler = never},
};

static void check_match(const struct router *r, enum http_method m, const char *path, struct arena *a)
{
	struct route_match found = router_match(r, m, path, a);
	must(!found.route || found.allow & 1u << found.route->method);
	for (size_t i = 0; i < found.n_params; i++) {
		const char *value = found.params[i].value;
		must(found.malformed || (value && utf8_valid(value, strlen(value))));
	}
	must(router_body_limit(m, path, (void *)(uintptr_t)r) > 0);
}

static void check_query(const char *text, struct arena *a)
{
	struct query q = {0};
	struct problems p;
	struct page_key key;
	struct err e;
	problems_init(&p, a);
	bool fine = query_decode(text, fields, false, &q, &p);
	must(fine == (p.total == 0));
	if (!fine)
		return;
	must(q.limit >= 1 && q.limit <= 1000 && q.order >= 0 && q.order <= 1 && q.min >= 0 && q.min <= 1);
	must(q.state.n <= 3);
	if (page_read(a, "list", q.cont, &key, &e) && key.n)
		must(strcmp(page_cursor(a, "list", &key), q.cont) == 0 || strlen(q.cont) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct router *r;
	if (!r) {
		r = router_new(NULL, NULL);
		router_add(r, routes, ARRAY_LEN(routes));
	}
	if (size == 0)
		return 0;
	struct arena *a = arena_new();
	char *path = arena_strndup(a, (const char *)data + 1, size - 1);
	char *query = strchr(path, '\n');
	if (query)
		*query++ = '\0';
	check_match(r, (enum http_method)(data[0] % (HTTP_OTHER + 1)), path, a);
	check_query(query, a);
	arena_free(a);
	return 0;
}
