/*
 * Tokens of users: made, listed, deleted by administrators. A token is shown once, when it is made;
 * the database holds its SHA-256.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/hash.h"
#include "server/api/res.h"
#include "server/model/spec.h"
#include "server/store/store_auth.h"

enum { TOKEN_BYTES = 24 };

static const char *const role_names[] = {"viewer", "editor", "admin", NULL};

/* ---- who is it ----------------------------------------------------------------------------------------- */

struct lookup {
	auth_found_fn *found;
	void *ctx;
};

static void token_found(void *ctx, const struct store_tokens *rows, const struct err *e)
{
	struct lookup *l = ctx;
	struct principal p = {.kind = PRINCIPAL_USER};

	assert(e || rows->n <= 1);
	if (e || rows->n == 0)
		return l->found(l->ctx, NULL, e);
	p.name = rows->items[0].name;
	p.ns = rows->items[0].ns;
	if (!role_parse(rows->items[0].role, &p.role))
		p.role = ROLE_NONE;
	l->found(l->ctx, &p, NULL);
}

void api_token_lookup(void *store, const uint8_t hash[AUTH_HASH], struct arena *a, auth_found_fn *found, void *ctx)
{
	struct lookup *l = ARENA_NEW(a, struct lookup);
	char hex[2 * AUTH_HASH + 1];

	*l = (struct lookup){.found = found, .ctx = ctx};
	hash_hex(hash, AUTH_HASH, hex);
	store_token_find(store, a, hex, token_found, l);
}

/* ---- create -------------------------------------------------------------------------------------------- */

struct token_in {
	const char *name, *ns;
	int role;
	int64_t expires_us;
};

static const struct json_field token_fields[] = {
	JF_STR(struct token_in, name, "name", JF_REQUIRED, 1, 63, "unique; shown in events as the one who acted"),
	{.kind = JF_K_STR, .name = "namespace", .offset = offsetof(struct token_in, ns), .present_offset = SIZE_MAX,
		.min = 1, .max = SPEC_NAMESPACE_MAX, .dflt = "\"*\"", .doc = "where it is good; * = everywhere"},
	JF_ENUM(struct token_in, role, "role", JF_REQUIRED, role_names, NULL,
		"viewer reads, editor also writes, admin also manages tokens"),
	JF_DURATION(struct token_in, expires_us, "expiresIn", JF_OPTIONAL, 1, 10 * 366 * 86400.0, NULL,
		"how long it is good; without it, until it is deleted"),
	JF_END,
};

struct adding {
	struct http_req *req;
	struct store_token token;
	char secret[8 + HASH_BASE64URL_MAX(TOKEN_BYTES)];
};

static void token_json(struct json_writer *w, const struct store_token *t, const char *secret)
{
	jw_object(w, NULL);
	jw_str(w, "name", t->name);
	jw_str(w, "namespace", t->ns);
	jw_str(w, "role", t->role);
	jw_time(w, "createdAt", t->created_us);
	jw_time(w, "expiresAt", t->expires_us);
	if (secret)
		jw_str(w, "token", secret);
	jw_end(w);
}

static void added(void *ctx, enum store_outcome outcome, const struct err *e)
{
	struct adding *add = ctx;
	struct http_req *req = add->req;

	if (e)
		return http_reply_err(req, e);
	if (outcome != STORE_DONE)
		return api_fail(req, ERR_EXISTS, "There is a token of the name '%s': delete it first", add->token.name);
	http_set_header(req, "Location", arena_printf(req->arena, "%s/%s", req->path, add->token.name));
	http_set_header(req, "Cache-Control", "no-store");
	token_json(http_json(req), &add->token, add->secret);
	http_reply_json(req, 201);
}

static bool names_ok(struct http_req *req, const struct token_in *in)
{
	if (!name_valid(in->name, 63))
		api_invalid(req, "/name", "bad-name", "a name has lower-case letters, digits and '-', and starts with a letter");
	else if (strcmp(in->ns, "*") != 0 && !name_valid(in->ns, SPEC_NAMESPACE_MAX))
		api_invalid(req, "/namespace", "bad-name", "'%s' is not a namespace", in->ns);
	else
		return true;
	return false;
}

static void token_create(struct http_req *req)
{
	const struct token_in *in = req->in;
	struct adding *add = ARENA_NEW(req->arena, struct adding);
	unsigned char random[TOKEN_BYTES];
	char text[HASH_BASE64URL_MAX(TOKEN_BYTES)];
	char *sha256 = arena_alloc(req->arena, HASH_HEX_MAX);

	assert(in->role >= 0 && role_names[in->role]);
	if (!names_ok(req, in))
		return;
	hash_random(random, sizeof random);
	hash_base64url(random, sizeof random, text);
	snprintf(add->secret, sizeof add->secret, "ttu_%s", text);
	hash_sha256_hex(add->secret, strlen(add->secret), sha256);
	add->req = req;
	add->token = (struct store_token){.sha256 = sha256, .name = in->name, .ns = in->ns,
		.role = role_names[in->role], .created_us = clk_wall_us(),
		.expires_us = in->expires_us ? clk_wall_us() + in->expires_us : 0};
	store_token_add(api_app(req)->store, req->arena, &add->token, added, add);
}

/* ---- list, delete -------------------------------------------------------------------------------------- */

static void listed(void *ctx, const struct store_tokens *rows, const struct err *e)
{
	struct http_req *req = ctx;

	if (e)
		return http_reply_err(req, e);
	struct json_writer *w = http_json(req);
	jw_object(w, NULL);
	jw_array(w, "items");
	for (size_t i = 0; i < rows->n; i++)
		token_json(w, &rows->items[i], NULL);
	jw_end(w);
	jw_end(w);
	http_reply_json(req, 200);
}

static void token_list(struct http_req *req)
{
	store_tokens_list(api_app(req)->store, req->arena, listed, req);
}

static void deleted(void *ctx, enum store_outcome outcome, const struct err *e)
{
	struct http_req *req = ctx;

	if (e)
		return http_reply_err(req, e);
	if (outcome != STORE_DONE)
		return api_fail(req, ERR_NOT_FOUND, "There is no token of the name '%.100s'", route_param(req, "token"));
	auth_forget(api_app(req)->auth);
	http_reply_empty(req, 204);
}

static void token_delete(struct http_req *req)
{
	store_token_delete(api_app(req)->store, req->arena, route_param(req, "token"), deleted, req);
}

static const struct route routes[] = {
	{.method = HTTP_POST, .path = API_ROOT "/tokens", .handler = token_create,
		.need = ROLE_ADMIN, .flags = ROUTE_CLUSTER,
		.body = token_fields, .body_size = sizeof(struct token_in), .body_name = "NewToken",
		.status = 201, .answer = "Token", .id = "createToken", .summary = "Make a token",
		.doc = "Its secret is in this answer only."},
	{.method = HTTP_GET, .path = API_ROOT "/tokens", .handler = token_list,
		.need = ROLE_ADMIN, .flags = ROUTE_CLUSTER,
		.status = 200, .answer = "TokenList", .id = "listTokens", .summary = "The tokens, without their secrets"},
	{.method = HTTP_DELETE, .path = API_ROOT "/tokens/{token}", .handler = token_delete,
		.need = ROLE_ADMIN, .flags = ROUTE_CLUSTER,
		.status = 204, .id = "deleteToken", .summary = "Take a token back",
		.doc = "Other replicas forget it within ten seconds."},
};
ROUTE_TABLE(res_token, routes);

const struct json_field token_schema[] = {
	OUT("name", OUT_STRING, "of the token"),
	OUT("namespace", OUT_STRING, "* = everywhere"),
	OUT("role", OUT_STRING, "viewer, editor or admin"),
	OUT("createdAt", OUT_TIME, "when it was made"),
	OUT("expiresAt", OUT_TIME, "null = never"),
	OUT_MAY("token", OUT_STRING, "the secret, in the answer to its creation only"),
	JF_END,
};
