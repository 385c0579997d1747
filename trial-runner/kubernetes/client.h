/*
 * Requests to one API server: HTTP/2 on few connections, at a bounded rate, with answers decoded.
 *
 *     kube_send(c, &(struct kube_request){.method = "DELETE", .path = path, .urgent = true,
 *         .accept = {404}}, deleted, run);
 *
 * A request waits for credentials, for its turn (a token bucket; urgent ones go first, so that
 * creates never hold up deletes) and as long as the server asks for with Retry-After. 429 and 503
 * are then repeated, and so is a 401 once with fresh credentials; everything else is the caller's to
 * judge. All of it together takes at most patience_us.
 *
 * done() comes exactly once, on the loop and never from inside kube_send(), unless the call was
 * cancelled: then it never comes. There are three outcomes:
 *
 *     a, no e     the server did it (2xx), or answered with an accepted status
 *     a and e     the server refused: a->status and a->refusal say how, e is a sentence for people
 *     e alone     no answer: no credentials, no connection, no time, too large, too many waiting
 *
 * With on_data a 2xx body is handed over as it arrives (watches, logs followed); other bodies are
 * still collected for their refusal. The end of a stream is done() with a; a stream that is cut is
 * done() with e alone. Callbacks may send and cancel, not free the client.
 */
#pragma once
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"

struct arena;
struct http_answer;
struct kube_access;
struct kube_call;
struct kube_client;
struct loop;
struct prom;

enum { KUBE_ACCEPT_MAX = 4 };

struct kube_request {
	const char *method;             /* NULL: GET                                               */
	const char *path;               /* "/api/v1/namespaces/team-a/pods", escaped (kube_path()) */
	const char *query;              /* "limit=500&...", escaped; NULL: none                    */
	const char *body;               /* JSON; NULL: none                                        */
	size_t body_len;                /* 0: strlen                                               */
	const char *content_type;       /* NULL: application/json; patches have others             */
	int accept[KUBE_ACCEPT_MAX];    /* statuses besides 2xx that are no refusals; 0 ends       */
	bool urgent;                    /* before all that is not: deletes, what ends a run        */
	int64_t timeout_us;             /* one attempt; 0: 30 s, none with on_data                 */
	int64_t patience_us;            /* waiting and attempts, a stream until its head; 0: 2 min */
	int64_t silence_us;             /* with on_data: this long without a byte fails; 0: off    */
	size_t max_body;                /* 0: 16 MiB; with on_data not counted                     */
	bool (*on_head)(void *ctx);     /* streams: 2xx has come, data will follow                 */
	bool (*on_data)(void *ctx, const char *p, size_t n);    /* false ends it: done() with a    */
};

/* Why the server said no. The kinds are what a caller would do about it. */
enum kube_refusal_kind {
	KUBE_REFUSED_OTHER,
	KUBE_REFUSED_IDENTITY,          /* 401: the credentials are not taken, fresh ones neither  */
	KUBE_REFUSED_RIGHTS,            /* 403 by RBAC: verb, resource, ns, user are filled        */
	KUBE_REFUSED_QUOTA,             /* 403 by a quota: room may come, or it is not counted yet */
	KUBE_REFUSED_POLICY,            /* 403 by an admission controller or webhook               */
	KUBE_REFUSED_ABSENT,            /* 404: the object, its namespace or its kind              */
	KUBE_REFUSED_EXISTS,            /* 409 AlreadyExists                                       */
	KUBE_REFUSED_CONFLICT,          /* 409: changed meanwhile, or being deleted                */
	KUBE_REFUSED_GONE,              /* 410: the resourceVersion or the page has expired        */
	KUBE_REFUSED_INVALID,           /* 400, 415, 422: the object is wrong; see the causes      */
	KUBE_REFUSED_BUSY,              /* 429, 5xx: later                                         */
};

struct kube_cause { const char *field, *reason, *message; };

/* A Status object; texts are "" where it says nothing. */
struct kube_refusal {
	enum kube_refusal_kind kind;
	int code;                       /* the HTTP status                                         */
	const char *reason;             /* "AlreadyExists", "Forbidden", ...                       */
	const char *message;            /* the server's sentence                                   */
	const char *name, *group, *resource;    /* of the details                                  */
	int64_t retry_after_us;         /* 0: not said                                             */
	const struct kube_cause *causes;
	size_t n_causes;
	const char *verb, *ns, *user;   /* KUBE_REFUSED_RIGHTS; ns "": the whole cluster           */
};

struct kube_answer {
	int status;
	const cJSON *body;              /* NULL: none, not JSON, or a stream                       */
	const char *text;               /* as it came, NUL-terminated                              */
	size_t text_len;
	const struct kube_refusal *refusal;     /* NULL with 2xx                                   */
	int64_t took_us;                /* of the last attempt                                     */
	struct arena *arena;            /* all of this lives in it, until done() returns           */
};

typedef void kube_done_fn(void *ctx, const struct kube_answer *a, const struct err *e);

struct kube_client_config {
	double rate, burst;             /* requests a second, requests at once; 0: 200, 400        */
	size_t queue_max;               /* waiting; 0: 10000; more are turned away                 */
	unsigned flights_max;           /* under way, streams not counted; 0: 64                   */
	const char *user_agent;         /* NULL: "trimtab"                                         */
	struct prom *metrics;           /* NULL: not counted                                       */
};

/* `access` is borrowed and must outlive the client, which listens to it. */
struct kube_client *kube_client_new(struct loop *l, struct kube_access *access,
	const struct kube_client_config *config);
void kube_client_free(struct kube_client *c);           /* cancels everything; not from a callback */

struct kube_access *kube_client_access(struct kube_client *c);
struct loop *kube_client_loop(struct kube_client *c);

/* Everything in the request is copied. ctx is that of done and of its callbacks. Never NULL. */
struct kube_call *kube_send(struct kube_client *c, const struct kube_request *r, kube_done_fn *done, void *ctx);
/* done() will not come. Not after done(): the call is over then. NULL is allowed. */
void kube_cancel(struct kube_call *call);

struct kube_client_stats {
	size_t waiting, flights, streams;
	uint64_t sent, repeated;        /* requests on the wire; of them for a second time or more */
};
void kube_client_stats(const struct kube_client *c, struct kube_client_stats *out);
/* For reflectors: trimtab_kubernetes_watch_total{resource,what}. */
void kube_count_watch(struct kube_client *c, const char *resource, const char *what);

/* "/api/v1" or "/apis/<group>/<version>", then namespaces/<ns>, the resource, a name, a subresource:
 * each escaped; NULL leaves it and what follows it out (ns: it alone). Without a resource it is the
 * path of the group's own list of resources. */
const char *kube_path(struct arena *a, const char *api_version, const char *ns, const char *resource,
	const char *name, const char *subresource);

/* Decodes a body with a status that is not 2xx; method and path fill what it does not say. `answer`
 * gives Retry-After. In the arena; never NULL. */
const struct kube_refusal *kube_refusal_read(const struct http_answer *answer, const cJSON *body,
	const char *method, const char *path, struct arena *a);
/* The sentence for people, and the kind of error it is to trimtab. False. */
bool kube_refusal_explain(const struct kube_refusal *r, const char *source, struct err *e);
