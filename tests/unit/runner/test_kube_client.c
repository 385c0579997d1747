/* Requests to an API server: their turn, their repetition, their refusals. */
#include "tests/unit/runner/fake_api.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/prom.h"
#include "lib/strbuf.h"

/* --- what came of a request --------------------------------------------------------------------- */

struct outcome {
	int done, status, order;
	bool told_error;
	enum err_code code;
	char detail[400], text[512];
	enum kube_refusal_kind kind;
	char user[64], verb[16], resource[32], ns[32];
	size_t n_causes;
};

static int finished;

static void note(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct outcome *o = ctx;

	o->done++;
	o->order = ++finished;
	o->told_error = e != NULL;
	if (e) {
		o->code = e->code;
		snprintf(o->detail, sizeof o->detail, "%s", e->detail);
	}
	if (!a)
		return;
	o->status = a->status;
	snprintf(o->text, sizeof o->text, "%s", a->text);
	assert_int_equal(a->refusal != NULL, a->status < 200 || a->status > 299);
	if (!a->refusal)
		return;
	o->kind = a->refusal->kind;
	o->n_causes = a->refusal->n_causes;
	snprintf(o->user, sizeof o->user, "%s", a->refusal->user);
	snprintf(o->verb, sizeof o->verb, "%s", a->refusal->verb);
	snprintf(o->resource, sizeof o->resource, "%s", a->refusal->resource);
	snprintf(o->ns, sizeof o->ns, "%s", a->refusal->ns);
}

static struct outcome ask(struct fake_api *f, struct kube_request request)
{
	struct outcome o = {0};

	kube_send(f->client, &request, note, &o);
	assert_int_equal(o.done, 0); /* never from inside */
	fake_until(f, o.done);
	assert_int_equal(o.done, 1);
	return o;
}

/* --- a server that follows a script ------------------------------------------------------------- */

struct script {
	int times;                      /* requests so far                          */
	int bad_times;                  /* the first so many get bad_status         */
	int bad_status;
	const char *retry_after, *reason, *message;
	char auth[8][128], body[512];
	bool silent;
	struct fake_request held[8];
	size_t n_held;
};

static void serve(void *ctx, struct fake_request *r)
{
	struct script *s = ctx;

	if (s->times < 8)
		snprintf(s->auth[s->times], sizeof s->auth[0], "%s", r->auth);
	snprintf(s->body, sizeof s->body, "%s", r->body);
	s->times++;
	if (s->silent) {
		s->held[s->n_held++] = *r;
	} else if (s->times <= s->bad_times && s->retry_after) {
		fake_reply_later(r, s->bad_status, s->retry_after);
	} else if (s->times <= s->bad_times) {
		fake_status(r, s->bad_status, s->reason ? s->reason : "", s->message ? s->message : "");
	} else {
		fake_reply(r, 200, "{\"kind\":\"Fine\"}");
	}
}

static void a_request_is_sent_and_answered(void **state UNUSED)
{
	struct script s = {0};
	struct fake_api *f = fake_new(serve, &s, "token: abc", NULL);
	struct outcome o = ask(f, (struct kube_request){.method = "POST", .path = "/api/v1/namespaces/team-a/secrets",
								  .query = "fieldManager=trimtab", .body = "{\"a\":1}"});

	assert_int_equal(o.status, 200);
	assert_false(o.told_error);
	assert_string_equal(o.text, "{\"kind\":\"Fine\"}");
	assert_string_equal(f->seen[0], "POST /api/v1/namespaces/team-a/secrets?fieldManager=trimtab");
	assert_string_equal(s.auth[0], "Bearer abc");
	assert_string_equal(s.body, "{\"a\":1}");
	assert_string_equal(kube_access_namespace(f->access), "team-a");
	fake_free(f);
}

static void a_proxy_of_the_file_is_used(void **state UNUSED)
{
	struct script s = {0};
	struct fake_api *f = fake_new(serve, &s, "token: abc", NULL); /* stands for the proxy */
	struct kube_access_options options = {0};
	struct outcome o = {0};
	char text[512];
	struct err e;

	snprintf(text, sizeof text,
		"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {token: t}}]\n"
		"clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1', proxy-url: 'http://127.0.0.1:%d'}}]\n",
		f->port);
	options.kubeconfig = fake_file(f, "proxied", text);
	struct kube_access *access = kube_access_new(f->loop, &options, &e);
	struct kube_client *client = kube_client_new(f->loop, access, NULL);
	kube_send(client, &(struct kube_request){.path = "/api/v1/nodes"}, note, &o);
	fake_until(f, o.done);
	assert_int_equal(o.status, 200);
	assert_string_equal(f->seen[0], "GET /api/v1/nodes");
	assert_string_equal(s.auth[0], "Bearer t");
	kube_client_free(client);
	kube_access_free(access);
	fake_free(f);
}

/* --- refusals ----------------------------------------------------------------------------------- */

static void a_refusal_says_what_to_do(void **state UNUSED)
{
	static const char denied[] = "jobs.batch is forbidden: User \\\"system:serviceaccount:a:b\\\" cannot create "
								 "resource \\\"jobs\\\" in API group \\\"batch\\\" in the namespace \\\"team-a\\\"";
	static const struct {
		int status;
		const char *reason, *message;
		enum kube_refusal_kind kind;
		enum err_code code;
		const char *sentence;
	} cases[] = {
		{403, "Forbidden", denied, KUBE_REFUSED_RIGHTS, ERR_FORBIDDEN,
			"system:serviceaccount:a:b may not create jobs.batch in namespace team-a: bind a Role that allows it"},
		{403, "Forbidden", "jobs.batch \\\"x\\\" is forbidden: exceeded quota: few", KUBE_REFUSED_QUOTA, ERR_SLOW_DOWN,
			"exceeded quota: few"},
		{403, "Forbidden", "jobs.batch \\\"x\\\" is forbidden: status unknown for quota: few, resources: count/jobs.batch",
			KUBE_REFUSED_QUOTA, ERR_SLOW_DOWN, "status unknown for quota: few"},
		{403, "Forbidden", "violates PodSecurity", KUBE_REFUSED_POLICY, ERR_FORBIDDEN, "violates PodSecurity"},
		{404, "NotFound", "the server could not find the requested resource", KUBE_REFUSED_ABSENT, ERR_NOT_FOUND,
			"the cluster has no jobs.batch in namespace team-a (404): is it installed there?"},
		{409, "AlreadyExists", "jobs.batch \\\"x\\\" already exists", KUBE_REFUSED_EXISTS, ERR_EXISTS, "already exists"},
		{409, "Conflict", "object is being deleted", KUBE_REFUSED_CONFLICT, ERR_CONFLICT, "being deleted"},
		{410, "Expired", "too old", KUBE_REFUSED_GONE, ERR_GONE, "too old"},
		{422, "Invalid", "spec.template: Required value", KUBE_REFUSED_INVALID, ERR_INVALID, "Required value"},
		{500, "InternalError", "boom", KUBE_REFUSED_BUSY, ERR_UNAVAILABLE, "with 500: boom"},
		{503, "", "", KUBE_REFUSED_BUSY, ERR_UNAVAILABLE, "with 503"},
		{418, "", "", KUBE_REFUSED_OTHER, ERR_UNAVAILABLE, "with 418"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct script s = {.bad_times = 9, .bad_status = cases[i].status, .reason = cases[i].reason,
			.message = cases[i].message};
		struct fake_api *f = fake_new(serve, &s, "token: abc", NULL);
		struct outcome o = ask(f, (struct kube_request){.method = "POST",
									  .path = "/apis/batch/v1/namespaces/team-a/jobs", .body = "{}"});
		assert_int_equal(o.status, cases[i].status);
		assert_int_equal(o.kind, cases[i].kind);
		assert_int_equal(o.code, cases[i].code);
		if (!strstr(o.detail, cases[i].sentence))
			fail_msg("case %zu: '%s' lacks '%s'", i, o.detail, cases[i].sentence);
		assert_int_equal(s.times, 1);
		assert_string_equal(o.verb, "create");
		assert_string_equal(o.resource, "jobs");
		assert_string_equal(o.ns, "team-a");
		fake_free(f);
	}
}

static void an_accepted_status_is_no_error(void **state UNUSED)
{
	struct script s = {.bad_times = 2, .bad_status = 404, .reason = "NotFound", .message = "gone"};
	struct fake_api *f = fake_new(serve, &s, "token: abc", NULL);
	struct kube_request request = {.method = "DELETE", .path = "/api/v1/namespaces/a/pods/x", .accept = {409, 404}};
	struct outcome o = ask(f, request);

	assert_int_equal(o.status, 404);
	assert_false(o.told_error);
	assert_int_equal(o.kind, KUBE_REFUSED_ABSENT);
	assert_string_equal(o.verb, "delete");
	request.accept[1] = 0;
	o = ask(f, request);
	assert_true(o.told_error);
	fake_free(f);
}

static void what_does_not_answer_is_an_error(void **state UNUSED)
{
	struct script s = {.silent = true};
	struct fake_api *f = fake_new(serve, &s, "token: abc", NULL);
	struct outcome o = ask(f, (struct kube_request){.path = "/version", .timeout_us = 50000});

	assert_int_equal(o.status, 0);
	assert_int_equal(o.code, ERR_TIMEOUT);
	fake_reply(&s.held[0], 200, "{}");
	s.silent = false;
	o = ask(f, (struct kube_request){.path = "/version", .max_body = 5});
	assert_int_equal(o.code, ERR_TOO_LARGE);
	fake_free(f);
}

/* --- again -------------------------------------------------------------------------------------- */

static void the_server_is_given_the_time_it_asks_for(void **state UNUSED)
{
	static const int statuses[] = {429, 503};

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		struct script s = {.bad_times = 1, .bad_status = statuses[i], .retry_after = "1"};
		struct fake_api *f = fake_new(serve, &s, "token: abc", NULL);
		struct outcome first = {0}, second = {0};
		int64_t begin = clk_now_us();

		kube_send(f->client, &(struct kube_request){.method = "POST", .path = "/a", .body = "{}"}, note, &first);
		fake_until(f, s.times == 1);
		fake_turn(f, 20000);
		kube_send(f->client, &(struct kube_request){.path = "/b"}, note, &second);
		fake_until(f, first.done && second.done);
		assert_true(clk_now_us() - begin >= CLK_SECOND);
		assert_int_equal(first.status, 200);
		assert_int_equal(second.status, 200);
		assert_true(first.order < second.order); /* it had waited already */
		assert_string_equal(f->seen[1], "POST /a");
		assert_int_equal(s.times, 3);
		fake_free(f);
	}
}

static void patience_has_an_end(void **state UNUSED)
{
	struct script s = {.bad_times = 9, .bad_status = 429, .retry_after = "30"};
	struct fake_api *f = fake_new(serve, &s, "token: abc", NULL);
	struct outcome o = ask(f, (struct kube_request){.path = "/a", .patience_us = 2 * CLK_SECOND});

	assert_int_equal(o.status, 429);
	assert_int_equal(o.code, ERR_SLOW_DOWN);
	assert_int_equal(s.times, 1);
	fake_free(f);
}

static void fresh_credentials_are_tried_once(void **state UNUSED)
{
	struct script s = {.bad_times = 1, .bad_status = 401, .reason = "Unauthorized", .message = "Unauthorized"};
	struct fake_api *f = fake_new(serve, &s, "tokenFile: token", NULL);
	fake_file(f, "token", "first\n");
	struct outcome o = {0};

	kube_send(f->client, &(struct kube_request){.path = "/a"}, note, &o);
	fake_file(f, "token", "second\n"); /* rotated while the request is under way */
	fake_until(f, o.done);
	assert_int_equal(o.status, 200);
	assert_string_equal(s.auth[0], "Bearer first");
	assert_string_equal(s.auth[1], "Bearer second");

	s.times = 0;
	s.bad_times = 9;
	o = ask(f, (struct kube_request){.path = "/a"});
	assert_int_equal(s.times, 2);
	assert_int_equal(o.status, 401);
	assert_int_equal(o.code, ERR_UNAUTHENTICATED);
	assert_non_null(strstr(o.detail, "does not accept the credentials of context fake of"));
	assert_null(strstr(o.detail, "second"));
	fake_free(f);
}

static void a_token_file_is_read_again_when_it_changes(void **state UNUSED)
{
	struct script s = {0};
	struct fake_api *f = fake_new(serve, &s, "tokenFile: token", NULL);

	struct outcome o = ask(f, (struct kube_request){.path = "/a"});
	assert_int_equal(o.code, ERR_NOT_FOUND);
	assert_non_null(strstr(o.detail, "/token"));
	fake_file(f, "token", "first");
	ask(f, (struct kube_request){.path = "/a"});
	fake_file(f, "token", "later");
	fake_turn(f, 1100000);
	ask(f, (struct kube_request){.path = "/a"});
	assert_string_equal(s.auth[0], "Bearer first");
	assert_string_equal(s.auth[1], "Bearer later");
	/* Gone for a moment: the last one is good until the server says otherwise. */
	assert_int_equal(unlink(fake_file(f, "token", "")), 0);
	fake_turn(f, 1100000);
	ask(f, (struct kube_request){.path = "/a"});
	assert_string_equal(s.auth[2], "Bearer later");
	fake_free(f);
}

/* --- turns -------------------------------------------------------------------------------------- */

static void creates_do_not_hold_up_deletes(void **state UNUSED)
{
	struct script s = {0};
	struct fake_api *f = fake_new(serve, &s, "token: abc", &(struct kube_client_config){.rate = 200, .burst = 5});
	struct outcome creates[40] = {0}, delete = {0};
	int64_t begin = clk_now_us();

	finished = 0;
	for (size_t i = 0; i < ARRAY_LEN(creates); i++)
		kube_send(f->client, &(struct kube_request){.method = "POST", .path = "/c", .body = "{}"}, note, &creates[i]);
	kube_send(f->client, &(struct kube_request){.method = "DELETE", .path = "/d", .urgent = true}, note, &delete);
	fake_until(f, finished == 41);
	int64_t took = clk_now_us() - begin;
	assert_true(delete.order <= 12); /* the burst, and what was under way */
	/* 41 requests, 5 at once, then 200 a second. */
	assert_true(took >= 170000);
	for (size_t i = 1; i < ARRAY_LEN(creates); i++)
		assert_int_equal(creates[i].status, 200);
	fake_free(f);
}

static void the_queue_has_an_end(void **state UNUSED)
{
	struct script s = {0};
	struct fake_api *f = fake_new(serve, &s, "token: abc",
		&(struct kube_client_config){.rate = 0.001, .burst = 1, .queue_max = 2});
	struct outcome o[4] = {0};

	for (size_t i = 0; i < 4; i++)
		kube_send(f->client, &(struct kube_request){.path = "/a", .patience_us = 100000}, note, &o[i]);
	fake_until(f, o[0].done && o[3].done);
	assert_int_equal(o[0].status, 200);
	assert_int_equal(o[3].code, ERR_SLOW_DOWN);
	assert_false(o[1].done || o[2].done);
	fake_until(f, o[1].done && o[2].done); /* waited in vain */
	assert_int_equal(o[1].code, ERR_TIMEOUT);
	assert_int_equal(s.times, 1);
	fake_free(f);
}

static void a_cancelled_request_is_not_told(void **state UNUSED)
{
	struct script s = {.silent = true};
	struct fake_api *f = fake_new(serve, &s, "token: abc", &(struct kube_client_config){.flights_max = 1});
	struct outcome flying = {0}, waiting = {0}, next = {0};
	struct kube_client_stats stats;

	struct kube_call *first = kube_send(f->client, &(struct kube_request){.path = "/a"}, note, &flying);
	struct kube_call *second = kube_send(f->client, &(struct kube_request){.path = "/b"}, note, &waiting);
	kube_send(f->client, &(struct kube_request){.path = "/c"}, note, &next);
	fake_until(f, s.times == 1);
	kube_client_stats(f->client, &stats);
	assert_int_equal(stats.flights, 1);
	assert_int_equal(stats.waiting, 2);
	s.silent = false;
	kube_cancel(second);
	kube_cancel(first);
	kube_cancel(NULL);
	fake_until(f, next.done);
	assert_int_equal(next.status, 200);
	assert_false(flying.done || waiting.done);
	assert_string_equal(f->seen[1], "GET /c");
	fake_reply(&s.held[0], 200, "{}"); /* to nobody */
	fake_free(f);
}

/* --- streams ------------------------------------------------------------------------------------ */

static struct {
	struct strbuf text;
	int heads;
	bool stop;
	struct kube_call *cancel;
} heard;

static bool on_head(void *ctx UNUSED)
{
	heard.heads++;
	return true;
}

static bool on_data(void *ctx UNUSED, const char *p, size_t n)
{
	strbuf_add(&heard.text, p, n);
	if (heard.cancel)
		kube_cancel(heard.cancel);
	heard.cancel = NULL;
	return !heard.stop;
}

static void serve_stream(void *ctx, struct fake_request *r)
{
	struct script *s = ctx;

	if (++s->times <= s->bad_times)
		fake_status(r, s->bad_status, "NotFound", "no such pod");
	else
		fake_stream_begin(r);
}

static const struct kube_request follow = {.path = "/api/v1/namespaces/a/pods/x/log", .query = "follow=true",
	.on_head = on_head, .on_data = on_data};

static void a_stream_is_handed_over(void **state UNUSED)
{
	struct script s = {.bad_times = 1, .bad_status = 404};
	struct fake_api *f = fake_new(serve_stream, &s, "token: abc", NULL);
	struct outcome o = ask(f, follow);

	strbuf_init(&heard.text, 1 << 20);
	assert_int_equal(o.status, 404); /* a refusal is collected, not handed over */
	assert_int_equal(o.kind, KUBE_REFUSED_ABSENT);
	assert_non_null(strstr(o.detail, "no such pod"));
	assert_int_equal(heard.heads, 0);

	o = (struct outcome){0};
	kube_send(f->client, &follow, note, &o);
	fake_until(f, f->stream);
	fake_stream_write(f, "one\n");
	fake_until(f, heard.text.len == 4);
	assert_int_equal(heard.heads, 1);
	fake_stream_write(f, "two");
	fake_until(f, heard.text.len == 7);
	assert_int_equal(o.done, 0);
	fake_stream_end(f);
	fake_until(f, o.done);
	assert_int_equal(o.status, 200);
	assert_false(o.told_error);

	o = (struct outcome){0};
	kube_send(f->client, &follow, note, &o);
	fake_until(f, f->stream);
	fake_stream_write(f, "three");
	fake_until(f, heard.text.len == 12);
	fake_stream_cut(f);
	fake_until(f, o.done);
	assert_true(o.told_error);
	assert_int_equal(o.status, 0);
	strbuf_free(&heard.text);
	fake_free(f);
}

static void a_stream_may_be_ended_from_inside(void **state UNUSED)
{
	struct script s = {0};
	struct fake_api *f = fake_new(serve_stream, &s, "token: abc", NULL);
	struct outcome o = {0};
	struct kube_client_stats stats;

	strbuf_init(&heard.text, 1 << 20);
	heard.cancel = kube_send(f->client, &follow, note, &o);
	fake_until(f, f->stream);
	fake_stream_write(f, "x");
	fake_until(f, heard.text.len == 1);
	fake_turn(f, 20000);
	assert_int_equal(o.done, 0);
	kube_client_stats(f->client, &stats);
	assert_int_equal(stats.streams, 0);

	heard.stop = true;
	kube_send(f->client, &follow, note, &o);
	fake_until(f, f->stream);
	fake_stream_write(f, "y");
	fake_until(f, o.done);
	assert_int_equal(o.status, 200);
	assert_false(o.told_error);
	heard.stop = false;
	strbuf_free(&heard.text);
	fake_free(f);
}

/* --- metrics, paths ----------------------------------------------------------------------------- */

static void requests_are_counted(void **state UNUSED)
{
	struct prom *metrics = prom_new();
	struct script s = {.bad_times = 1, .bad_status = 409};
	struct fake_api *f = fake_new(serve, &s, "token: abc", &(struct kube_client_config){.metrics = metrics});
	struct strbuf out;

	ask(f, (struct kube_request){.method = "POST", .path = "/apis/batch/v1/namespaces/a/jobs", .body = "{}"});
	ask(f, (struct kube_request){.path = "/apis/batch/v1/namespaces/a/jobs"});
	ask(f, (struct kube_request){.path = "/apis/batch/v1/namespaces/a/jobs/x"});
	strbuf_init(&out, 1 << 20);
	prom_write(metrics, &out);
	assert_non_null(strstr(out.data, "trimtab_kubernetes_requests_total{verb=\"create\",code=\"409\"} 1"));
	assert_non_null(strstr(out.data, "trimtab_kubernetes_requests_total{verb=\"list\",code=\"200\"} 1"));
	assert_non_null(strstr(out.data, "trimtab_kubernetes_requests_total{verb=\"get\",code=\"200\"} 1"));
	assert_non_null(strstr(out.data, "trimtab_kubernetes_request_seconds_count{verb=\"create\"} 1"));
	strbuf_free(&out);
	fake_free(f);
	prom_free(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_sent_and_answered),
		cmocka_unit_test(a_proxy_of_the_file_is_used),
		cmocka_unit_test(a_refusal_says_what_to_do),
		cmocka_unit_test(an_accepted_status_is_no_error),
		cmocka_unit_test(what_does_not_answer_is_an_error),
		cmocka_unit_test(the_server_is_given_the_time_it_asks_for),
		cmocka_unit_test(patience_has_an_end),
		cmocka_unit_test(fresh_credentials_are_tried_once),
		cmocka_unit_test(a_token_file_is_read_again_when_it_changes),
		cmocka_unit_test(creates_do_not_hold_up_deletes),
		cmocka_unit_test(the_queue_has_an_end),
		cmocka_unit_test(a_cancelled_request_is_not_told),
		cmocka_unit_test(a_stream_is_handed_over),
		cmocka_unit_test(a_stream_may_be_ended_from_inside),
		cmocka_unit_test(requests_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
