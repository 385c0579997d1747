/*
 * Routes: one table row says all about an operation, for the router, for /openapi.json and for the
 * reference page.
 *
 * The router walks a request through: match (404, 405, OPTIONS, HEAD as GET) -> who (401) -> right
 * (403) -> query (422, unknown names are errors) -> body size, type and document (413, 415, 400, 422
 * with every problem) -> handler. The handler finds req->in, req->query, route_param() ready.
 *
 *     static const struct json_field tell_fields[] = {..., JF_END};
 *     static const struct json_field list_query[] = {..., JF_END};
 *     const struct route trial_routes[] = {
 *         {.method = HTTP_POST, .path = "/api/v1/namespaces/{ns}/experiments/{name}/trials/{trial}:tell",
 *          .handler = trial_tell, .need = ROLE_EDITOR, .flags = ROUTE_TRIAL_TOKEN,
 *          .body = tell_fields, .body_size = sizeof(struct tell_in), .body_name = "Tell",
 *          .status = 200, .answer = "Trial", .id = "tellTrial", .summary = "Finish a trial"},
 *     };
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/json_decode.h"
#include "server/api/auth.h"
#include "server/api/http.h"

struct router;

enum { ROUTE_BODY_DEFAULT = 1 << 20 };

enum route_flags {
	ROUTE_TRIAL_TOKEN = 1 << 0,     /* a trial token passes too; the handler checks whose (auth_allows_trial) */
	ROUTE_CLUSTER = 1 << 1,         /* the role is needed in every namespace ("*")                 */
	ROUTE_BODY_OPTIONAL = 1 << 2,   /* no body is taken as {}                                      */
	ROUTE_HIDDEN = 1 << 3,          /* not in the OpenAPI document                                 */
	ROUTE_ANY_QUERY = 1 << 4,       /* unknown query parameters are ignored (Kubernetes paths)     */
	ROUTE_QUIET = 1 << 5,           /* not in the access log (health checks)                       */
	ROUTE_RAW = 1 << 6,             /* of the types in media; the handler reads req->body itself, and
	                                 * body, if given, is for the OpenAPI document only             */
};

struct route {
	enum http_method method;
	/* Segments are literal, "{name}", either followed by ":verb", or "{rest...}" at the end.
	 * "{ns}" is the namespace in which the role is needed. */
	const char *path;
	void (*handler)(struct http_req *req);
	enum role need;                 /* ROLE_NONE: everybody, without a token                       */
	unsigned flags;

	const struct json_field *body;  /* NULL: no document                                           */
	size_t body_size;               /* sizeof the struct that it fills                             */
	const char *body_name;          /* of its schema: "Tell"                                       */
	const char *media;              /* other types that the handler reads itself from req->body:
	                                 * "application/yaml text/plain"; "*" = any                    */
	size_t max_body;                /* 0: ROUTE_BODY_DEFAULT                                       */

	/* JF_STR, JF_ENUM, JF_NUM, JF_INT, JF_BOOL, JF_DURATION, JF_STRINGS (repeated or a,b,c).      */
	const struct json_field *query;
	size_t query_size;

	int status;                     /* of success                                                  */
	const char *answer;             /* schema of the answer: "Trial"                               */
	const char *answer_type;        /* NULL: application/json                                      */
	const char *id;                 /* operationId, unique                                         */
	const char *summary;            /* one line                                                    */
	const char *doc;                /* more, or NULL                                               */
};

struct router *router_new(struct auth *auth, void *app);
void router_free(struct router *r);
/* The rows live on (static). Asserts on templates that cannot be parsed or that are there twice. */
void router_add(struct router *r, const struct route *routes, size_t n);
struct auth *router_auth(const struct router *r);
void *router_app(const struct router *r);
/* For struct http_config.handle and .body_limit; ctx is the router. */
void router_handle(struct http_req *req, void *ctx);
size_t router_body_limit(enum http_method m, const char *path, void *router);

/* Every row in the order of addition, for the OpenAPI document. */
size_t router_count(const struct router *r);
const struct route *router_at(const struct router *r, size_t i);

/* The value of "{name}", decoded; asserts that the template has it. */
const char *route_param(const struct http_req *req, const char *name);

/* Matching alone (tests, fuzzing): the row or NULL; params and their values go to the arena.
 * *allow is a bit set of methods that the path has; 0 = 404. */
struct route_match {
	const struct route *route;
	struct http_pair *params;
	size_t n_params;
	unsigned allow;                 /* 1 << enum http_method                                       */
	bool malformed;                 /* bad percent-encoding or UTF-8                               */
};
struct route_match router_match(const struct router *r, enum http_method m, const char *path, struct arena *a);
