/*
 * Who is asking, and what they may do.
 *
 * Three kinds of principal: anonymous (a server without tokens on a loopback address: may do
 * everything), a user token (a role in one namespace, or in all: "*"), and a trial token (may report
 * to and read its own trial, verified without the database). Tokens are looked up by their
 * SHA-256; a hit is remembered for AUTH_CACHE_S seconds. No token is ever logged or stored here in
 * clear.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct arena;
struct auth;

enum { AUTH_HASH = 32, AUTH_CACHE_S = 10, AUTH_CACHE_MAX = 1024 };

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_EDITOR, ROLE_ADMIN };
const char *role_name(enum role r);
bool role_parse(const char *name, enum role *out);

enum principal_kind { PRINCIPAL_NOBODY, PRINCIPAL_ANONYMOUS, PRINCIPAL_USER, PRINCIPAL_TRIAL };

struct principal {
	enum principal_kind kind;
	enum role role;
	const char *name;               /* of the token, for logs and events; never the secret         */
	const char *ns;                 /* "*": every namespace                                        */
	int64_t experiment_id, trial_number;    /* PRINCIPAL_TRIAL                                      */
};

/* The answer to a lookup: p = NULL and e = NULL means that there is no such token. */
typedef void auth_found_fn(void *ctx, const struct principal *p, const struct err *e);
/* Finds a user token by its hash; calls found() once, at once or later. */
typedef void auth_lookup_fn(void *store, const uint8_t hash[AUTH_HASH], struct arena *a,
	auth_found_fn *found, void *ctx);

struct auth_config {
	bool open;                      /* no token needed: whoever brings none is anonymous admin     */
	bool any_host;                  /* ... also when the Host header is a name other than localhost */
	auth_lookup_fn *lookup;         /* NULL: no user tokens                                        */
	void *store;
	const void *trial_key;          /* NULL: no trial tokens; copied                               */
	size_t trial_key_len;
};

struct auth *auth_new(const struct auth_config *config);
void auth_free(struct auth *a);
bool auth_any_host(const struct auth *a);
void auth_forget(struct auth *a);   /* drops the cache: tokens were changed                        */
void auth_set_trial_key(struct auth *a, const void *key, size_t len);

/* Identifies the bearer of `authorization` (the header's value or NULL). done() is called exactly
 * once: at once unless the store must be asked. ERR_UNAUTHENTICATED for a wrong token, the store's
 * error when it cannot answer. The principal's strings live in `a`. */
typedef void auth_done_fn(void *ctx, const struct principal *p, const struct err *e);
void auth_identify(struct auth *au, const char *authorization, struct arena *a, auth_done_fn *done, void *ctx);

/* ns = NULL: the role in whatever namespace the principal has is enough. */
bool auth_allows(const struct principal *p, enum role need, const char *ns, struct err *e);
/* A user by role in ns, or the token of just this trial. */
bool auth_allows_trial(const struct principal *p, enum role need, const char *ns, int64_t experiment_id,
	int64_t trial_number, struct err *e);

void auth_hash(const char *token, uint8_t out[AUTH_HASH]);
