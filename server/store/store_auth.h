/* Tokens, settings of the installation, and the answers kept for repeated POSTs. */
#pragma once
#include "server/store/store.h"

struct store_token {
	const char *sha256;             /* of the secret, lower-case hex: never the secret        */
	const char *name, *ns;          /* ns "*" = every namespace                               */
	const char *role;               /* viewer, editor, admin                                  */
	int64_t created_us, expires_us;
};
struct store_tokens { struct store_token *items; size_t n; };
typedef void store_tokens_cb(void *ctx, const struct store_tokens *rows, const struct err *e);

struct store_call *store_token_find(struct store *s, struct arena *a, const char *sha256,
	store_tokens_cb *done, void *ctx);      /* no row: unknown or expired */
struct store_call *store_tokens_list(struct store *s, struct arena *a, store_tokens_cb *done, void *ctx);
/* DONE, or DIFFERS: the name is taken. */
struct store_call *store_token_add(struct store *s, struct arena *a, const struct store_token *t,
	store_outcome_cb *done, void *ctx);
struct store_call *store_token_delete(struct store *s, struct arena *a, const char *name,
	store_outcome_cb *done, void *ctx);

typedef void store_setting_cb(void *ctx, const char *value, const struct err *e);
struct store_call *store_setting_get(struct store *s, struct arena *a, const char *name,
	store_setting_cb *done, void *ctx);     /* value NULL: not set */

enum store_idempotency {
	STORE_KEY_BEGUN = 0,            /* yours: do it, then finish or abandon                   */
	STORE_KEY_FINISHED,             /* done before: status, headers and body are the answer   */
	STORE_KEY_RUNNING,              /* the first request is under way                         */
	STORE_KEY_REUSED                /* the key was used for another request                   */
};
struct store_answer { enum store_idempotency is; int status; const char *headers, *body; };
typedef void store_answer_cb(void *ctx, const struct store_answer *answer, const struct err *e);

struct store_call *store_idempotency_begin(struct store *s, struct arena *a, const char *principal,
	const char *key, const char *request_sha256, store_answer_cb *done, void *ctx);
struct store_call *store_idempotency_finish(struct store *s, struct arena *a, const char *principal,
	const char *key, int status, const char *headers, const char *body, store_outcome_cb *done, void *ctx);
struct store_call *store_idempotency_abandon(struct store *s, struct arena *a, const char *principal,
	const char *key, store_outcome_cb *done, void *ctx);
struct store_call *store_idempotency_expire(struct store *s, struct arena *a, int64_t age_us,
	store_count_cb *done, void *ctx);
