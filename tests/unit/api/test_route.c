/* Routes: which row a path finds, and what a request meets on its way to the handler. */
#include "tests/unit/api/rig.h"

#include "lib/json_decode.h"
#include "lib/problems.h"
#include "server/api/problem_reply.h"
#include "server/api/query.h"
#include "server/api/route.h"

struct tell_in {
	int64_t step;
	const char *reason;
};
static const struct json_field tell_fields[] = {
	JF_INT(struct tell_in, step, "step", JF_REQUIRED, 0, 100, NULL, "the step"),
	JF_STR(struct tell_in, reason, "reason", JF_OPTIONAL, 1, 20, "why"),
	JF_END,
};

static const char *const order_names[] = {"name", "rank", NULL};
struct list_query {
	int64_t limit;
	const char *cont;
	int order;
	bool full;
	double min;
	int64_t wait_us;
	struct json_list state;
};
static const struct json_field list_fields[] = {
	JF_INT(struct list_query, limit, "limit", JF_OPTIONAL, 1, 1000, "100", "how many"),
	JF_STR(struct list_query, cont, "continue", JF_OPTIONAL, 0, 100, "where to go on"),
	JF_ENUM(struct list_query, order, "sort", JF_OPTIONAL, order_names, "\"rank\"", "the order"),
	JF_BOOL(struct list_query, full, "full", "false", "everything"),
	JF_NUM(struct list_query, min, "min", JF_OPTIONAL, 0, 1, "0.5", "least value"),
	JF_DURATION(struct list_query, wait_us, "wait", JF_OPTIONAL, 0, 60, NULL, "how long to wait"),
	JF_STRINGS(struct list_query, state, "state", JF_OPTIONAL, 0, 3, "only these"),
	JF_END,
};

static void show(struct http_req *req)
{
	struct json_writer *w = http_json(req);
	jw_object(w, NULL);
	jw_str(w, "id", req->route->id);
	for (size_t i = 0; i < req->n_params; i++)
		jw_str(w, req->params[i].name, req->params[i].value);
	jw_str(w, "who", req->principal.name);
	if (req->in) {
		const struct tell_in *in = req->in;
		jw_int(w, "step", in->step);
	}
	if (req->query)
		jw_int(w, "limit", ((const struct list_query *)req->query)->limit);
	if (!req->json)
		jw_strn(w, "raw", req->body, req->body_len);
	jw_end(w);
	http_reply_json(req, req->route->status);
}

#define EXPERIMENT "/api/v1/namespaces/{ns}/experiments/{name}"
static const struct route routes[] = {
	{.method = HTTP_GET, .path = "/", .handler = show, .status = 200, .id = "root"},
	{.method = HTTP_GET, .path = "/healthz", .handler = show, .status = 200, .id = "health"},
	{.method = HTTP_GET,
		.path = EXPERIMENT,
		.handler = show,
		.need = ROLE_VIEWER,
		.status = 200,
		.id = "get"},
	{.method = HTTP_DELETE,
		.path = EXPERIMENT,
		.handler = show,
		.need = ROLE_EDITOR,
		.status = 200,
		.id = "delete"},
	{.method = HTTP_GET,
		.path = EXPERIMENT "/trials",
		.handler = show,
		.need = ROLE_VIEWER,
		.query = list_fields,
		.query_size = sizeof(struct list_query),
		.status = 200,
		.id = "list"},
	{.method = HTTP_POST,
		.path = EXPERIMENT "/trials:ask",
		.handler = show,
		.need = ROLE_EDITOR,
		.status = 200,
		.body = tell_fields,
		.body_size = sizeof(struct tell_in),
		.flags = ROUTE_BODY_OPTIONAL,
		.id = "ask"},
	{.method = HTTP_GET,
		.path = EXPERIMENT "/trials/{trial}",
		.handler = show,
		.need = ROLE_VIEWER,
		.status = 200,
		.flags = ROUTE_TRIAL_TOKEN,
		.id = "trial"},
	{.method = HTTP_GET,
		.path = EXPERIMENT "/trials/best",
		.handler = show,
		.need = ROLE_VIEWER,
		.status = 200,
		.id = "best"},
	{.method = HTTP_POST,
		.path = EXPERIMENT "/trials/{trial}:tell",
		.handler = show,
		.need = ROLE_EDITOR,
		.status = 200,
		.body = tell_fields,
		.body_size = sizeof(struct tell_in),
		.flags = ROUTE_TRIAL_TOKEN,
		.max_body = 100,
		.id = "tell"},
	{.method = HTTP_POST,
		.path = EXPERIMENT "/trials/{trial}:kill",
		.handler = show,
		.need = ROLE_EDITOR,
		.status = 202,
		.id = "kill"},
	{.method = HTTP_POST,
		.path = "/api/v1/validate",
		.handler = show,
		.need = ROLE_VIEWER,
		.status = 200,
		.media = "application/json application/yaml",
		.id = "validate"},
	{.method = HTTP_POST,
		.path = "/api/v1/tokens",
		.handler = show,
		.need = ROLE_ADMIN,
		.status = 201,
		.flags = ROUTE_CLUSTER,
		.id = "tokens"},
	{.method = HTTP_GET,
		.path = "/assets/{file...}",
		.handler = show,
		.status = 200,
		.flags = ROUTE_ANY_QUERY,
		.id = "asset"},
};

static void paths_find_their_row(void **state UNUSED)
{
	static const struct {
		enum http_method method;
		const char *path, *id, *params;
	} cases[] = {
		{HTTP_GET, "/", "root", ""},
		{HTTP_GET, "/healthz", "health", ""},
		{HTTP_HEAD, "/healthz", "health", ""},
		{HTTP_GET, "/healthz/", "health", ""},
		{HTTP_GET, "/api/v1/namespaces/a/experiments/b", "get", "ns=a name=b "},
		{HTTP_GET, "/api/v1/namespaces/a%20b/experiments/%C3%A4", "get", "ns=a b name=\xc3\xa4 "},
		{HTTP_GET, "/api/v1/namespaces/a/experiments/b%2Fc", "get", "ns=a name=b/c "},
		{HTTP_POST, "/api/v1/namespaces/a/experiments/b/trials:ask", "ask", "ns=a name=b "},
		{HTTP_GET, "/api/v1/namespaces/a/experiments/b/trials/17", "trial", "ns=a name=b trial=17 "},
		{HTTP_GET, "/api/v1/namespaces/a/experiments/b/trials/best", "best", "ns=a name=b "},
		{HTTP_POST, "/api/v1/namespaces/a/experiments/b/trials/17:tell", "tell", "ns=a name=b trial=17 "},
		{HTTP_POST, "/api/v1/namespaces/a/experiments/b/trials/17:kill", "kill", "ns=a name=b trial=17 "},
		{HTTP_GET, "/assets/js/app.js", "asset", "file=js/app.js "},
		{HTTP_GET, "/assets", NULL, NULL},
		{HTTP_POST, "/api/v1/namespaces/a/experiments/b/trials/17:dance", NULL, NULL},
		{HTTP_GET, "/api/v1/namespaces/a/experiments/b/trials/17:tell", NULL, NULL},
		{HTTP_POST, "/api/v1/namespaces/a/experiments/b/trials/:tell", NULL, NULL},
		{HTTP_GET, "/api/v1/namespaces//experiments/b", NULL, NULL},
		{HTTP_GET, "/api/v1/namespaces/a/experiments/b/trials/1/2/3/4/5/6/7/8/9/10", NULL, NULL},
		{HTTP_PUT, "/healthz", NULL, NULL},
		{HTTP_OTHER, "/healthz", NULL, NULL},
		{HTTP_GET, "", NULL, NULL},
		{HTTP_GET, "*", NULL, NULL},
	};
	struct router *r = router_new(NULL, NULL);
	struct arena *a = arena_new();
	router_add(r, routes, 3); /* in two portions, in any order */
	router_add(r, routes + 3, ARRAY_LEN(routes) - 3);
	assert_int_equal(router_count(r), ARRAY_LEN(routes));
	assert_ptr_equal(router_at(r, 4), &routes[4]);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct route_match m = router_match(r, cases[i].method, cases[i].path, a);
		if ((m.route != NULL) != (cases[i].id != NULL))
			fail_msg("%s gives %s", cases[i].path, m.route ? m.route->id : "nothing");
		if (!m.route)
			continue;
		const char *params = "";
		for (size_t k = 0; k < m.n_params; k++)
			params = arena_printf(a, "%s%s=%s ", params, m.params[k].name, m.params[k].value);
		assert_string_equal(m.route->id, cases[i].id);
		assert_string_equal(params, cases[i].params);
	}
	assert_true(router_match(r, HTTP_GET, "/api/v1/namespaces/%zz/experiments/b", a).malformed);
	assert_true(router_match(r, HTTP_GET, "/api/v1/namespaces/%ff/experiments/b", a).malformed);
	assert_true(router_match(r, HTTP_GET, "/api/v1/namespaces/%00/experiments/b", a).malformed);
	arena_free(a);
	router_free(r);
}

/* --- queries -------------------------------------------------------------------------------- */

static void queries_fill_their_struct(void **state UNUSED)
{
	struct arena *a = arena_new();
	struct problems p;
	struct list_query q = {0};
	problems_init(&p, a);
	assert_true(query_decode("limit=7&continue=a%20b+c&sort=name&full&min=0.25&wait=5s&state=x,y&state=z",
		list_fields, false, &q, &p));
	assert_int_equal(q.limit, 7);
	assert_string_equal(q.cont, "a b c");
	assert_int_equal(q.order, 0);
	assert_true(q.full);
	assert_true(q.min == 0.25);
	assert_int_equal(q.wait_us, 5 * CLK_SECOND);
	assert_int_equal(q.state.n, 3);
	assert_string_equal(((const char **)q.state.items)[2], "z");
	q = (struct list_query){0};
	assert_true(query_decode(NULL, list_fields, false, &q, &p));
	assert_int_equal(q.limit, 100);
	assert_null(q.cont);
	assert_int_equal(q.order, 1);
	assert_true(q.min == 0.5);
	arena_free(a);
}

static void every_problem_of_a_query_is_found(void **state UNUSED)
{
	static const struct {
		const char *query, *pointer, *code, *meant;
	} cases[] = {
		{"limit=0", "?limit", "out-of-range", NULL},
		{"limit=1001", "?limit", "out-of-range", NULL},
		{"limit=ten", "?limit", "wrong-type", NULL},
		{"limit=1.5", "?limit", "wrong-type", NULL},
		{"limit=1&limit=2", "?limit", "duplicate", NULL},
		{"min=nan", "?min", "wrong-type", NULL},
		{"full=yes", "?full", "wrong-type", NULL},
		{"sort=rnak", "?sort", "unknown-value", "rank"},
		{"wait=soon", "?wait", "wrong-type", NULL},
		{"wait=2m", "?wait", "out-of-range", NULL},
		{"state=a,b,c,d", "?state", "out-of-range", NULL},
		{"limt=3", "?limt", "unknown-parameter", "limit"},
		{"limit=%zz", "?", "malformed", NULL},
	};
	struct arena *a = arena_new();
	struct list_query q;
	struct problems p;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		problems_init(&p, a);
		q = (struct list_query){0};
		assert_false(query_decode(cases[i].query, list_fields, false, &q, &p));
		assert_int_equal(p.n, 1);
		assert_string_equal(p.items[0].pointer, cases[i].pointer);
		assert_string_equal(p.items[0].code, cases[i].code);
		if (cases[i].meant)
			assert_string_equal(p.items[0].did_you_mean, cases[i].meant);
	}
	problems_init(&p, a);
	assert_false(query_decode("limit=0&full=x&nope", list_fields, false, &q, &p));
	assert_int_equal(p.n, 3);
	problems_init(&p, a);
	assert_true(query_decode("nope=1", NULL, true, NULL, &p));
	assert_false(query_decode("nope=1", NULL, false, NULL, &p));
	arena_free(a);
}

/* --- the whole way -------------------------------------------------------------------------- */

/* Tokens "viewer", "editor", "admin" for the namespace a, "root" for all; "broken" is the database's. */
static void lookup(void *store UNUSED, const uint8_t hash[AUTH_HASH], struct arena *a UNUSED,
	auth_found_fn *found, void *ctx)
{
	static const struct principal known[] = {
		{.kind = PRINCIPAL_USER, .role = ROLE_VIEWER, .name = "viewer", .ns = "a"},
		{.kind = PRINCIPAL_USER, .role = ROLE_EDITOR, .name = "editor", .ns = "a"},
		{.kind = PRINCIPAL_USER, .role = ROLE_ADMIN, .name = "admin", .ns = "a"},
		{.kind = PRINCIPAL_USER, .role = ROLE_ADMIN, .name = "root", .ns = "*"},
	};
	uint8_t other[AUTH_HASH];
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		auth_hash(known[i].name, other);
		if (memcmp(hash, other, AUTH_HASH) == 0) {
			found(ctx, &known[i], NULL);
			return;
		}
	}
	auth_hash("broken", other);
	struct err e;
	err_set(&e, ERR_UNAVAILABLE, "the database does not answer");
	found(ctx, NULL, memcmp(hash, other, AUTH_HASH) == 0 ? &e : NULL);
}

struct api {
	struct rig rig;
	struct router *router;
	struct auth *auth;
};

static void listen_for(struct api *api)
{
	api->router = router_new(api->auth, NULL);
	router_add(api->router, routes, ARRAY_LEN(routes));
	api->rig = rig_new(
		(struct http_config){.handle = router_handle, .body_limit = router_body_limit, .ctx = api->router});
}

static struct api start(bool open)
{
	struct api api = {.auth = auth_new(&(struct auth_config){.open = open, .lookup = lookup})};
	listen_for(&api);
	return api;
}

static void end(struct api *api)
{
	rig_free(&api->rig);
	router_free(api->router);
	auth_free(api->auth);
}

static const char *ask(
	struct api *api, const char *method, const char *path, const char *headers, const char *body)
{
	static char request[8192];
	snprintf(request, sizeof request,
		"%s %s HTTP/1.1\r\nHost: localhost:1\r\n%sContent-Length: %zu\r\n\r\n%s", method, path, headers,
		strlen(body), body);
	return rig_ask(&api->rig, request);
}

#define EXPERIMENT_A "/api/v1/namespaces/a/experiments/b"
#define JSON "Content-Type: application/json\r\n"

static void requests_meet_what_they_deserve(void **state UNUSED)
{
	static const struct {
		const char *method, *path, *headers, *body;
		int status;
		const char *has;
	} cases[] = {
		{"GET", EXPERIMENT_A, "", "", 200,
			"\"id\":\"get\",\"ns\":\"a\",\"name\":\"b\",\"who\":\"anonymous\""},
		{"GET", "/nowhere", "", "", 404, "/problems/not-found"},
		{"GET", "/api/v1/namespaces/%ff/experiments/b", "", "", 400, "percent-encoded"},
		{"PUT", EXPERIMENT_A, "", "", 405, "Allow: GET, HEAD, DELETE, OPTIONS\r\n"},
		{"BREW", EXPERIMENT_A, "", "", 405, "/problems/method-not-allowed"},
		{"OPTIONS", EXPERIMENT_A, "", "", 204, "Allow: GET, HEAD, DELETE, OPTIONS\r\n"},
		{"GET", EXPERIMENT_A "/trials?limit=5", "", "", 200, "\"limit\":5"},
		{"GET", EXPERIMENT_A "/trials?limit=0&x=1", "", "", 422, "\"title\":\"The request has 2 errors\""},
		{"GET", EXPERIMENT_A "/trials?limt=1", "", "", 422, "\"didYouMean\":[\"limit\"]"},
		{"GET", EXPERIMENT_A "?x=1", "", "", 422, "unknown-parameter"},
		{"GET", "/assets/a/b?v=1", "", "", 200, "\"file\":\"a/b\""},
		{"POST", EXPERIMENT_A "/trials/17:tell", JSON, "{\"step\":3}", 200, "\"step\":3"},
		{"POST", EXPERIMENT_A "/trials/17:tell", "", "{\"step\":3}", 200, "\"trial\":\"17\""},
		{"POST", EXPERIMENT_A "/trials/17:tell", JSON, "{\"step\":3", 400, "/problems/malformed"},
		{"POST", EXPERIMENT_A "/trials/17:tell", JSON, "", 400, "needs a body"},
		{"POST", EXPERIMENT_A "/trials/17:tell", JSON, "{\"stepp\":3}", 422, "\"pointer\":\"/stepp\""},
		{"POST", EXPERIMENT_A "/trials/17:tell", JSON, "[]", 422, "errors"},
		{"POST", EXPERIMENT_A "/trials/17:tell", "Content-Type: text/plain\r\n", "step=3", 415,
			"accepted: application/json\""},
		{"POST", EXPERIMENT_A "/trials:ask", "", "", 422, "/step"},
		{"POST", EXPERIMENT_A "/trials/17:kill", "", "", 202, "kill"},
		{"POST", EXPERIMENT_A "/trials/17:kill", JSON, " {} ", 202, "kill"},
		{"POST", EXPERIMENT_A "/trials/17:kill", JSON, "{\"a\":1}", 400, "takes no body"},
		{"POST", "/api/v1/validate", "Content-Type: application/yaml\r\n", "a: 1", 200, "\"raw\":\"a: 1\""},
		{"POST", "/api/v1/validate", "Content-Type: application/json\r\n", "{\"a\":1}", 200,
			"\"id\":\"validate\""},
		{"POST", "/api/v1/validate", "Content-Type: application/json\r\n", "{a:1}", 400, "malformed"},
		{"POST", "/api/v1/validate", "Content-Type: image/png\r\n", "x", 415,
			"accepted: application/json, application/yaml\""},
		/* web pages of others, when no token is asked for */
		{"GET", EXPERIMENT_A, "Origin: http://localhost:1\r\n", "", 200, "get"},
		{"GET", EXPERIMENT_A, "Origin: https://evil.example\r\n", "", 403, "evil.example"},
	};
	struct api api = start(true);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *answer = ask(&api, cases[i].method, cases[i].path, cases[i].headers, cases[i].body);
		if (rig_status(answer) != cases[i].status)
			fail_msg("%s %s %s: %s", cases[i].method, cases[i].path, cases[i].body, answer);
		assert_has(answer, cases[i].has);
		if (cases[i].status >= 400)
			assert_has(answer, "Content-Type: application/problem+json");
	}
	int fd = rig_connect(&api.rig);
	rig_send(&api.rig, fd, "HEAD " EXPERIMENT_A " HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n");
	rig_wait_eof(&api.rig, fd);
	assert_status(api.rig.in.data, 200);
	close(fd);
	assert_status(rig_ask(&api.rig, "GET " EXPERIMENT_A " HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403);
	end(&api);
	api = (struct api){.auth = auth_new(&(struct auth_config){.open = true, .any_host = true})};
	listen_for(&api);
	assert_status(rig_ask(&api.rig, "GET " EXPERIMENT_A " HTTP/1.1\r\nHost: name.example\r\n\r\n"), 200);
	assert_status(rig_ask(&api.rig, "GET " EXPERIMENT_A " HTTP/1.1\r\nHost: a.b\r\nOrigin: http://c.d\r\n\r\n"), 403);
	end(&api);
}

static void bodies_are_bounded_by_their_route(void **state UNUSED)
{
	char body[200];
	memset(body, ' ', sizeof body - 1);
	body[sizeof body - 1] = '\0';
	struct api api = start(true);
	const char *answer = ask(&api, "POST", EXPERIMENT_A "/trials/17:tell", JSON, body);
	assert_status(answer, 413);
	assert_has(answer, "at most 100");
	answer = rig_ask(
		&api.rig, "POST /api/v1/validate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n");
	assert_status(answer, 413);
	assert_has(answer, "at most 1048576");
	end(&api);
}

static void roles_are_needed(void **state UNUSED)
{
	static const struct {
		const char *token, *method, *path;
		int status;
		const char *has;
	} cases[] = {
		{NULL, "GET", "/healthz", 200, "health"},
		{NULL, "GET", EXPERIMENT_A, 401, "WWW-Authenticate: Bearer"},
		{"Basic dTpw", "GET", EXPERIMENT_A, 401, "only bearer tokens"},
		{"Bearer wrong", "GET", EXPERIMENT_A, 401, "not known"},
		{"Bearer broken", "GET", EXPERIMENT_A, 503, "Retry-After: "},
		{"Bearer viewer", "GET", EXPERIMENT_A, 200, "\"who\":\"viewer\""},
		{"bearer viewer", "GET", EXPERIMENT_A, 200, "\"who\":\"viewer\""},
		{"Bearer viewer", "GET", "/api/v1/namespaces/c/experiments/b", 403,
			"namespace c; the token 'viewer' is for a only"},
		{"Bearer viewer", "DELETE", EXPERIMENT_A, 403,
			"needs the role editor in the namespace a; the token 'viewer' is viewer"},
		{"Bearer editor", "DELETE", EXPERIMENT_A, 200, "delete"},
		{"Bearer admin", "POST", "/api/v1/tokens", 403, "in every namespace"},
		{"Bearer root", "POST", "/api/v1/tokens", 201, "tokens"},
		{"Bearer root", "DELETE", "/api/v1/namespaces/c/experiments/b", 200, "delete"},
		{"Bearer tt_1_2_00", "GET", EXPERIMENT_A, 401, "trial's token"},
	};
	struct api api = start(false);
	char header[100];
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(header, sizeof header, "Authorization: %s\r\n", cases[i].token);
		const char *answer = ask(&api, cases[i].method, cases[i].path, cases[i].token ? header : "", "");
		if (rig_status(answer) != cases[i].status)
			fail_msg("%s %s: %s", cases[i].token, cases[i].path, answer);
		assert_has(answer, cases[i].has);
	}
	end(&api);
}

static void write_hint(struct json_writer *w, const void *ctx)
{
	jw_str(w, "hint", ctx);
}

static void reply_slow_down(struct http_req *req, void *ctx UNUSED)
{
	struct problems p;
	problems_init(&p, req->arena);
	for (int i = 0; i < PROBLEMS_MAX + 5; i++)
		problem_add(&p, "/a", "b", "c \"%d\"", i);
	http_reply_problem(req, &(struct problem_reply){.code = ERR_SLOW_DOWN,
								.type = "other",
								.title = "T",
								.detail = "D",
								.problems = &p,
								.retry_after_s = 7,
								.extra = write_hint,
								.ctx = "h"});
}

static void problems_say_everything(void **state UNUSED)
{
	struct rig r = rig_new((struct http_config){.handle = reply_slow_down});
	const char *answer = rig_ask(&r, "GET /here?q HTTP/1.1\r\nHost: x\r\nX-Request-Id: id7\r\n\r\n");
	assert_status(answer, 429);
	assert_has(answer, "Retry-After: 7\r\n");
	assert_has(answer,
		"{\"type\":\"/problems/other\",\"title\":\"T\",\"status\":429,\"detail\":\"D\",\"instance\":\"/"
	    "here\","
		"\"requestId\":\"id7\",\"errors\":[{\"pointer\":\"/a\",\"code\":\"b\",\"detail\":\"c \\\"0\\\"\"},");
	assert_has(answer, "],\"errorsNotShown\":5,\"hint\":\"h\"}");
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_find_their_row),
		cmocka_unit_test(queries_fill_their_struct),
		cmocka_unit_test(every_problem_of_a_query_is_found),
		cmocka_unit_test(requests_meet_what_they_deserve),
		cmocka_unit_test(bodies_are_bounded_by_their_route),
		cmocka_unit_test(roles_are_needed),
		cmocka_unit_test(problems_say_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
