/* Idempotency-Key. */
#include "server/api/idempotent.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/hash.h"
#include "lib/json.h"
#include "lib/json_write.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/strbuf.h"
#include "server/api/res.h"
#include "server/store/store_auth.h"

enum { KEY_MAX = 255, KEEP_BODY_MAX = 16 << 20, KEEP_H = 24, SWEEP_S = 3600 };

struct keyed {
	struct http_req *req;
	void (*handler)(struct http_req *req);
	const char *key, *principal;
};

/* The operation, its address and its body: what "the same request" means. */
static const char *fingerprint(struct http_req *req)
{
	struct strbuf all;
	char *hex = arena_alloc(req->arena, HASH_HEX_MAX);

	strbuf_init(&all, KEEP_BODY_MAX);
	strbuf_printf(&all, "%s %s?%s\n", http_method_name(req->method), req->path, req->query_text ? req->query_text : "");
	strbuf_add(&all, req->body, req->body_len);
	hash_sha256_hex(all.data, all.len, hex);
	strbuf_free(&all);
	return hex;
}

/* ---- the first time: keep the answer before it leaves -------------------------------------------------- */

static void kept(void *ctx, enum store_outcome outcome, const struct err *e)
{
	struct keyed *k = ctx;

	(void)outcome;
	if (e)
		LOG_WARN("an answer could not be kept for its Idempotency-Key", L_STR("error", e->detail));
	http_release(k->req);
}

static void keep(struct http_req *req, const struct http_held *answer, void *ctx)
{
	struct keyed *k = ctx;
	struct store *store = api_app(req)->store;
	struct strbuf headers;
	struct json_writer w;

	assert(answer->status >= 200 && answer->headers);
	if (answer->status >= 500) {
		store_idempotency_abandon(store, req->arena, k->principal, k->key, kept, k);
		return;
	}
	strbuf_init(&headers, 1 << 16);
	jw_init(&w, &headers);
	jw_object(&w, NULL);
	jw_str(&w, "type", answer->type);
	jw_str(&w, "lines", answer->headers);
	jw_end(&w);
	store_idempotency_finish(store, req->arena, k->principal, k->key, answer->status, headers.data,
		arena_strndup(req->arena, answer->body, answer->n), kept, k);
	strbuf_free(&headers);
}

/* ---- the next times ------------------------------------------------------------------------------------ */

static void set_headers(struct http_req *req, const char *lines)
{
	while (lines && *lines) {
		size_t n = strcspn(lines, "\r\n"), name = strcspn(lines, ":");
		if (name + 2 <= n)
			http_set_header(req, arena_strndup(req->arena, lines, name),
				arena_strndup(req->arena, lines + name + 2, n - name - 2));
		lines += n + strspn(lines + n, "\r\n");
	}
}

static void repeat(struct http_req *req, const struct store_answer *answer)
{
	const cJSON *headers = answer->headers ? json_parse(answer->headers, strlen(answer->headers), 0, req->arena, NULL)
	                                       : NULL;
	const char *type = json_str(json_get(headers, "type")), *body = answer->body ? answer->body : "";

	set_headers(req, json_str(json_get(headers, "lines")));
	http_set_header(req, "Idempotency-Replayed", "true");
	http_reply_bytes(req, answer->status, type ? type : "application/json", body, strlen(body));
}

static void begun(void *ctx, const struct store_answer *answer, const struct err *e)
{
	struct keyed *k = ctx;

	if (e)
		return http_reply_err(k->req, e);
	switch (answer->is) {
	case STORE_KEY_BEGUN:
		http_hold(k->req, keep, k);
		k->handler(k->req);
		break;
	case STORE_KEY_FINISHED:
		repeat(k->req, answer);
		break;
	case STORE_KEY_RUNNING:
		api_fail(k->req, ERR_CONFLICT, "The first request with this Idempotency-Key is still under way");
		break;
	case STORE_KEY_REUSED:
		api_fail(k->req, ERR_KEY_REUSED, "This Idempotency-Key came with another request before: use a new one");
		break;
	}
}

static bool key_ok(const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < n; i++)
		if (key[i] < 0x20 || key[i] > 0x7e)
			return false;
	return n > 0 && n <= KEY_MAX;
}

void idempotent(struct http_req *req, void (*handler)(struct http_req *req))
{
	const char *key = http_header(req, "Idempotency-Key");
	struct keyed *k = ARENA_NEW(req->arena, struct keyed);

	if (!key)
		return handler(req);
	if (!key_ok(key))
		return api_fail(req, ERR_MALFORMED, "An Idempotency-Key has 1 to %d printable characters", KEY_MAX);
	*k = (struct keyed){.req = req, .handler = handler, .key = key,
		.principal = arena_printf(req->arena, "%d:%s", (int)req->principal.kind, api_who(req))};
	store_idempotency_begin(api_app(req)->store, req->arena, k->principal, key, fingerprint(req), begun, k);
}

/* ---- keys are kept for a day --------------------------------------------------------------------------- */

static void swept(void *ctx, int64_t count, const struct err *e)
{
	if (e)
		LOG_WARN("old Idempotency-Keys could not be deleted", L_STR("error", e->detail));
	else if (count)
		LOG_DEBUG("old Idempotency-Keys deleted", L_INT("keys", count));
	arena_free(ctx);
}

static void sweep(void *ctx)
{
	struct app *app = ctx;
	struct arena *a = arena_new();

	loop_timer_after(app->sweeper, SWEEP_S * CLK_SECOND);
	store_idempotency_expire(app->store, a, KEEP_H * 3600 * CLK_SECOND, swept, a);
}

struct loop_timer *idempotent_sweep_new(struct app *app)
{
	struct loop_timer *t = loop_timer_new(app->loop, sweep, app);

	loop_timer_after(t, SWEEP_S * CLK_SECOND);
	return t;
}
