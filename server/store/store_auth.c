#include "server/store/store_auth.h"

#include "lib/arena.h"
#include "server/store/call.h"

static const struct row_field token_fields[] = {
	ROW(ROW_TEXT, struct store_token, sha256, "sha256"),
	ROW(ROW_TEXT, struct store_token, name, "name"),
	ROW(ROW_TEXT, struct store_token, ns, "ns"),
	ROW(ROW_TEXT, struct store_token, role, "role"),
	ROW(ROW_TIME, struct store_token, created_us, "created_at"),
	ROW(ROW_TIME, struct store_token, expires_us, "expires_at"),
};
static const struct row_shape token_shape = {
	.size = sizeof(struct store_token), .fields = token_fields, .n = ARRAY_LEN(token_fields)};

ANSWER_ROWS(tokens, token_shape)

struct store_call *store_token_find(
	struct store *s, struct arena *a, const char *sha256, store_tokens_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_TOKEN_FIND, a, answer_tokens, (store_fn *)done, ctx);
	pg_text(&c->unit.args, sha256);
	return store_call_send(c);
}

struct store_call *store_tokens_list(struct store *s, struct arena *a, store_tokens_cb *done, void *ctx)
{
	return store_call_send(store_call_new(s, STMT_TOKENS_LIST, a, answer_tokens, (store_fn *)done, ctx));
}

struct store_call *store_token_add(
	struct store *s, struct arena *a, const struct store_token *t, store_outcome_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_TOKEN_ADD, a, store_answer_outcome, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_text(p, t->sha256);
	pg_text(p, t->name);
	pg_text(p, t->ns);
	pg_text(p, t->role);
	pg_time(p, t->expires_us);
	return store_call_send(c);
}

struct store_call *store_token_delete(
	struct store *s, struct arena *a, const char *name, store_outcome_cb *done, void *ctx)
{
	struct store_call *c =
		store_call_new(s, STMT_TOKEN_DELETE, a, store_answer_outcome, (store_fn *)done, ctx);
	pg_text(&c->unit.args, name);
	return store_call_send(c);
}

struct setting {
	const char *value;
};

static void answer_setting(struct store_call *c, const PGresult *res, const struct err *e)
{
	static const struct row_field fields[] = {ROW(ROW_TEXT, struct setting, value, "value")};
	static const struct row_shape shape = {.size = sizeof(struct setting), .fields = fields, .n = 1};
	store_setting_cb *done = (store_setting_cb *)c->done;
	const struct setting *rows = e ? NULL : rows_decode(res, &shape, c->arena);
	done(c->ctx, rows && PQntuples(res) > 0 ? rows->value : NULL, e);
}

struct store_call *store_setting_get(
	struct store *s, struct arena *a, const char *name, store_setting_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_SETTING_GET, a, answer_setting, (store_fn *)done, ctx);
	pg_text(&c->unit.args, name);
	return store_call_send(c);
}

/* ---- answers kept for repeated requests --------------------------------------------------------- */

static const char *const *idempotency_names(void)
{
	static const char *const names[] = {
		[STORE_KEY_BEGUN] = "begun",
		[STORE_KEY_FINISHED] = "finished",
		[STORE_KEY_RUNNING] = "running",
		[STORE_KEY_REUSED] = "reused",
		NULL,
	};
	return names;
}

static const struct row_field answer_fields[] = {
	ROW_OF(idempotency_names, struct store_answer, is, "outcome"),
	ROW(ROW_INT, struct store_answer, status, "status"),
	ROW(ROW_TEXT, struct store_answer, headers, "headers"),
	ROW(ROW_TEXT, struct store_answer, body, "body"),
};
static const struct row_shape answer_shape = {
	.size = sizeof(struct store_answer), .fields = answer_fields, .n = ARRAY_LEN(answer_fields)};

static void answer_answer(struct store_call *c, const PGresult *res, const struct err *e)
{
	store_answer_cb *done = (store_answer_cb *)c->done;
	done(c->ctx, e ? NULL : rows_decode(res, &answer_shape, c->arena), e);
}

struct store_call *store_idempotency_begin(struct store *s, struct arena *a, const char *principal,
	const char *key, const char *request_sha256, store_answer_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_IDEMPOTENCY_BEGIN, a, answer_answer, (store_fn *)done, ctx);
	pg_text(&c->unit.args, principal);
	pg_text(&c->unit.args, key);
	pg_text(&c->unit.args, request_sha256);
	return store_call_send(c);
}

struct store_call *store_idempotency_finish(struct store *s, struct arena *a, const char *principal,
	const char *key, int status, const char *headers, const char *body, store_outcome_cb *done, void *ctx)
{
	struct store_call *c =
		store_call_new(s, STMT_IDEMPOTENCY_FINISH, a, store_answer_outcome, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_text(p, principal);
	pg_text(p, key);
	pg_int(p, status);
	pg_text(p, headers);
	pg_text(p, body);
	return store_call_send(c);
}

struct store_call *store_idempotency_abandon(struct store *s, struct arena *a, const char *principal,
	const char *key, store_outcome_cb *done, void *ctx)
{
	struct store_call *c =
		store_call_new(s, STMT_IDEMPOTENCY_ABANDON, a, store_answer_outcome, (store_fn *)done, ctx);
	pg_text(&c->unit.args, principal);
	pg_text(&c->unit.args, key);
	return store_call_send(c);
}

struct store_call *store_idempotency_expire(
	struct store *s, struct arena *a, int64_t age_us, store_count_cb *done, void *ctx)
{
	struct store_call *c =
		store_call_new(s, STMT_IDEMPOTENCY_EXPIRE, a, store_answer_count, (store_fn *)done, ctx);
	pg_int(&c->unit.args, age_us);
	return store_call_send(c);
}
