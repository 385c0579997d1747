#include "server/api/auth.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/clk.h"
#include "lib/hash.h"
#include "lib/mem.h"
#include "server/model/trial_token.h"

_Static_assert((int)AUTH_HASH == (int)HASH_SIZE, "user tokens are found by their SHA-256");

enum { CACHE_SLOTS = AUTH_CACHE_MAX, TRIAL_KEY_MAX = 128, CACHED_NAME_MAX = 128 };

/* A place holds one token; another with the same place replaces it. Names that do not fit are not
 * remembered. */
struct cached {
	int64_t until_us; /* 0: empty */
	uint8_t hash[AUTH_HASH];
	enum role role;
	char name[CACHED_NAME_MAX], ns[CACHED_NAME_MAX];
};

struct auth {
	struct auth_config config;
	uint8_t trial_key[TRIAL_KEY_MAX];
	size_t trial_key_len;
	struct cached *cache; /* CACHE_SLOTS; made by the first token */
	unsigned generation;  /* of the cache: a lookup that began before auth_forget() is not kept */
};

static const char *const role_names[] = {"none", "viewer", "editor", "admin"};

const char *role_name(enum role r)
{
	assert((size_t)r < ARRAY_LEN(role_names));
	return role_names[r];
}

bool role_parse(const char *name, enum role *out)
{
	for (size_t i = ROLE_VIEWER; i < ARRAY_LEN(role_names); i++)
		if (strcmp(name, role_names[i]) == 0) {
			*out = (enum role)i;
			return true;
		}
	return false;
}

struct auth *auth_new(const struct auth_config *config)
{
	struct auth *au = xcalloc(1, sizeof *au);
	au->config = *config;
	au->config.trial_key = NULL;
	auth_set_trial_key(au, config->trial_key, config->trial_key_len);
	return au;
}

void auth_free(struct auth *au)
{
	if (!au)
		return;
	OPENSSL_cleanse(au->trial_key, sizeof au->trial_key);
	free(au->cache);
	free(au);
}

bool auth_any_host(const struct auth *au)
{
	return au->config.any_host;
}

void auth_set_trial_key(struct auth *au, const void *key, size_t len)
{
	assert(len <= TRIAL_KEY_MAX && (key || len == 0));
	if (key)
		memcpy(au->trial_key, key, len);
	au->trial_key_len = key ? len : 0;
}

void auth_forget(struct auth *au)
{
	free(au->cache);
	au->cache = NULL;
	au->generation++;
}

void auth_hash(const char *token, uint8_t out[AUTH_HASH])
{
	hash_sha256(token, strlen(token), out);
}

/* --- cache ---------------------------------------------------------------------------------- */

static struct cached *slot(struct auth *au, const uint8_t hash[AUTH_HASH])
{
	if (!au->cache)
		au->cache = xcalloc(CACHE_SLOTS, sizeof *au->cache);
	return &au->cache[(hash[0] << 8 | hash[1]) % CACHE_SLOTS];
}

static void remember(struct auth *au, const uint8_t hash[AUTH_HASH], const struct principal *p)
{
	struct cached *c = slot(au, hash);
	size_t name_n = strlen(p->name), ns_n = strlen(p->ns);
	if (name_n >= CACHED_NAME_MAX || ns_n >= CACHED_NAME_MAX)
		return;
	c->until_us = clk_now_us() + AUTH_CACHE_S * CLK_SECOND;
	c->role = p->role;
	memcpy(c->hash, hash, AUTH_HASH);
	memcpy(c->name, p->name, name_n + 1);
	memcpy(c->ns, p->ns, ns_n + 1);
}

static bool recall(struct auth *au, const uint8_t hash[AUTH_HASH], struct arena *a, struct principal *out)
{
	const struct cached *c = slot(au, hash);
	if (c->until_us <= clk_now_us() || memcmp(c->hash, hash, AUTH_HASH) != 0)
		return false;
	*out = (struct principal){
		.kind = PRINCIPAL_USER,
		.role = c->role,
		.name = arena_strdup(a, c->name),
		.ns = arena_strdup(a, c->ns),
	};
	return true;
}

/* --- who ------------------------------------------------------------------------------------ */

struct lookup {
	struct auth *auth;
	unsigned generation;
	uint8_t hash[AUTH_HASH];
	auth_done_fn *done;
	void *ctx;
};

static void deny(auth_done_fn *done, void *ctx, const char *why)
{
	struct err e;
	err_set(&e, ERR_UNAUTHENTICATED, "%s", why);
	done(ctx, NULL, &e);
}

static void found(void *ctx, const struct principal *p, const struct err *e)
{
	struct lookup *l = ctx;
	if (e) {
		l->done(l->ctx, NULL, e);
	} else if (!p) {
		deny(l->done, l->ctx, "the token is not known, or has expired");
	} else {
		if (l->generation == l->auth->generation)
			remember(l->auth, l->hash, p);
		l->done(l->ctx, p, NULL);
	}
}

static void identify_trial(struct auth *au, const char *token, auth_done_fn *done, void *ctx)
{
	struct principal p = {.kind = PRINCIPAL_TRIAL, .role = ROLE_NONE, .name = "trial", .ns = ""};
	int32_t number;
	if (!au->trial_key_len ||
		!trial_token_check(token, au->trial_key, au->trial_key_len, &p.experiment_id, &number)) {
		deny(done, ctx, "the trial's token is not valid here");
		return;
	}
	p.trial_number = number;
	done(ctx, &p, NULL);
}

static void identify_user(struct auth *au, const char *token, struct arena *a, auth_done_fn *done, void *ctx)
{
	struct principal p;
	struct lookup *l = ARENA_NEW(a, struct lookup);
	*l = (struct lookup){.auth = au, .generation = au->generation, .done = done, .ctx = ctx};
	auth_hash(token, l->hash);
	if (recall(au, l->hash, a, &p))
		done(ctx, &p, NULL);
	else if (au->config.lookup)
		au->config.lookup(au->config.store, l->hash, a, found, l);
	else
		deny(done, ctx, "this server knows no tokens");
}

void auth_identify(struct auth *au, const char *authorization, struct arena *a, auth_done_fn *done, void *ctx)
{
	static const struct principal anonymous = {
		.kind = PRINCIPAL_ANONYMOUS, .role = ROLE_ADMIN, .name = "anonymous", .ns = "*"};
	if (!authorization && au->config.open) {
		done(ctx, &anonymous, NULL);
		return;
	}
	if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0) {
		deny(done, ctx,
			authorization ? "only bearer tokens are accepted: Authorization: Bearer <token>"
						  : "send a token: Authorization: Bearer <token>");
		return;
	}
	const char *token = authorization + 7 + strspn(authorization + 7, " ");
	if (trial_token_is(token))
		identify_trial(au, token, done, ctx);
	else
		identify_user(au, token, a, done, ctx);
}

/* --- what ----------------------------------------------------------------------------------- */

bool auth_allows(const struct principal *p, enum role need, const char *ns, struct err *e)
{
	if (p->role < need || p->kind == PRINCIPAL_TRIAL)
		return err_set(e, ERR_FORBIDDEN, "this needs the role %s%s%s; the token '%s' is %s", role_name(need),
			ns && *ns != '*' ? " in the namespace " : "", ns && *ns != '*' ? ns : "", p->name,
			role_name(p->role));
	if (!ns || strcmp(p->ns, "*") == 0 || strcmp(p->ns, ns) == 0)
		return true;
	if (strcmp(ns, "*") == 0)
		return err_set(e, ERR_FORBIDDEN,
			"this needs the role %s in every namespace; the token '%s' is for %s only", role_name(need),
			p->name, p->ns);
	return err_set(e, ERR_FORBIDDEN,
		"this needs the role %s in the namespace %s; the token '%s' is for %s only", role_name(need), ns,
		p->name, p->ns);
}

bool auth_allows_trial(const struct principal *p, enum role need, const char *ns, int64_t experiment_id,
	int64_t trial_number, struct err *e)
{
	if (p->kind != PRINCIPAL_TRIAL)
		return auth_allows(p, need, ns, e);
	if (p->experiment_id == experiment_id && p->trial_number == trial_number)
		return true;
	return err_set(e, ERR_FORBIDDEN, "the token belongs to another trial");
}
