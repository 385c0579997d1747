/*
 * The API as the command line calls it: a server, a token, a namespace, one request at a time.
 *
 * An answer with status 400 or more is an error of the kind its problem type names; the details of
 * the problem are kept for cli_fail(). Replies live in the arena that the caller gives.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/strbuf.h"

struct arena;
struct http_session;

#define DEFAULT_SERVER "http://127.0.0.1:8746"

struct connection_values {
	const char *server, *token, *namespace, *ca_file;
	bool insecure, help;
};

struct client {
	const char *server;                 /* no slash at its end                               */
	bool named;                         /* somebody said which server; false: the default    */
	const char *token, *ns, *ca_file;
	bool insecure;
	struct http_session *session;
	struct strbuf problems;             /* of the last error answer: one line each, indented */
};

struct client *client_new(const struct connection_values *v, bool named, struct arena *a);
void client_free(struct client *c);

struct request {
	const char *method;                 /* NULL: GET, or POST with a body                    */
	const char *path;                   /* "/api/v1/..."                                     */
	const char *body;                   /* or NULL                                           */
	size_t body_len;                    /* 0: strlen(body)                                   */
	const char *content_type;           /* NULL: application/json                            */
	const char *accept;                 /* NULL: application/json                            */
	const char *if_match, *idempotency_key;
	int64_t timeout_us;                 /* 0: 30 s                                           */
	bool (*on_data)(void *ctx, const char *p, size_t n);    /* a stream; no time limit       */
	void *ctx;
};

struct reply {
	int status;
	const char *text;                   /* NUL-terminated */
	size_t len;
	const cJSON *json;                  /* NULL unless the answer is JSON */
	const char *link_next;              /* path of the next page, or NULL */
};

bool client_call(struct client *c, struct arena *a, const struct request *r, struct reply *out, struct err *e)
	MUSTCHECK;
bool client_get(struct client *c, struct arena *a, const char *path, const cJSON **out, struct err *e) MUSTCHECK;
bool client_post(struct client *c, struct arena *a, const char *path, const char *json, const cJSON **out,
	struct err *e) MUSTCHECK;
bool client_ready(struct client *c, struct arena *a);   /* somebody answers /healthz */

/* "/api/v1/namespaces/<ns>/experiments" + "/<name>" + suffix, escaped; name and suffix may be NULL. */
const char *client_path(const struct client *c, struct arena *a, const char *name, const char *suffix);
/* One path segment or query value. */
const char *url_escape(struct arena *a, const char *text);

/* Calls fn for every item of a list, page after page; path may have a query. fn returning false ends it. */
typedef bool client_item_fn(void *ctx, const cJSON *item);
bool client_each(struct client *c, struct arena *a, const char *path, client_item_fn *fn, void *ctx, struct err *e)
	MUSTCHECK;
