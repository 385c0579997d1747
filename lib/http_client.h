/*
 * HTTP out: many requests at once on the loop (curl multi), or one that blocks (the command line).
 *
 * A request is described by a struct http_call that is copied before http_client_send() returns.
 * done() comes exactly once, on the loop thread and never from inside http_client_send(), unless the
 * request was cancelled: then it never comes. The answer lives in the arena given to done(), which
 * is freed when done() returns; keep what you need by copying.
 *
 * With on_data the body is handed over as it arrives (watches, server-sent events, logs) and
 * answer.body stays empty; returning false ends the request (ERR_OK, `stopped` is set).
 *
 * struct err tells what went wrong below HTTP (no connection, TLS, time, ceiling): then there is no
 * answer. An answer with status 500 is an answer, not an error. Proxies are taken from the
 * environment (http_proxy, no_proxy), never for loopback addresses.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"

struct arena;
struct loop;
struct http_client;
struct http_flight;             /* a request under way */

struct http_header { const char *name, *value; };

/* Whom we trust and who we are. *_pem is the text itself and wins over the file. */
struct http_tls {
	const char *ca_file, *ca_pem;           /* nobody else is trusted; NULL: the system's roots   */
	const char *cert_file, *cert_pem;       /* client certificate                                 */
	const char *key_file, *key_pem;
	const char *server_name;                /* expected instead of the URL's host; NULL: the host */
	bool insecure;                          /* accept any certificate: only when a user says so   */
};

struct http_call {
	const char *method;                     /* NULL: GET, or POST with a body                     */
	const char *url;                        /* http, https                                        */
	const char *unix_socket;                /* connect here instead of the URL's host             */
	const char *proxy;                      /* http, https, socks5 URL; NULL: as said above       */
	const struct http_header *headers;
	size_t n_headers;
	const void *body;
	size_t body_len;
	const char *content_type;               /* of the body; NULL: application/json                */
	const char *bearer;                     /* never logged                                       */
	const struct http_tls *tls;             /* NULL: system roots                                 */
	int64_t timeout_us;                     /* whole request; 0: 30 s, or none with on_data       */
	int64_t connect_timeout_us;             /* 0: 5 s                                             */
	int64_t silence_us;                     /* with on_data: this long without a byte fails; 0: off */
	size_t max_body;                        /* 0: 16 MiB; with on_data not counted                */
	bool http2;                             /* offer HTTP/2 over TLS, and rather wait for a
	                                         * connection under way than open one more            */
	bool follow;                            /* up to 5 redirects                                  */
	/* on_head comes once, with the final status, before the first on_data. They may send and cancel
	 * requests. */
	bool (*on_head)(void *ctx, int status);
	bool (*on_data)(void *ctx, const char *p, size_t n);
	void *ctx;                              /* of these two                                       */
};

struct http_answer {
	int status;
	const char *body;                       /* NUL-terminated, the NUL not counted                */
	size_t body_len;
	const char *content_type;               /* "" if absent                                       */
	const struct http_header *headers;
	size_t n_headers;
	bool stopped;                           /* a callback ended it                                */
	int64_t took_us;
	struct arena *arena;
};

/* Case-insensitive; NULL if absent. */
const char *http_answer_header(const struct http_answer *a, const char *name);

/* Either an answer or an error. */
typedef void http_done_fn(void *ctx, const struct http_answer *answer, const struct err *e);

struct http_client_config {
	unsigned max_per_host;                  /* connections; 0: 32                                 */
	unsigned max_total;                     /* 0: 128; further requests wait                      */
	const char *user_agent;                 /* NULL: "trimtab"                                    */
};

void http_client_global_init(void);         /* once, before threads                               */
struct http_client *http_client_new(struct loop *l, const struct http_client_config *config);
void http_client_free(struct http_client *c);           /* cancels what is under way; not from a callback */
/* NULL with *e filled when the call itself is wrong (an unreadable URL). */
struct http_flight *http_client_send(struct http_client *c, const struct http_call *call,
	http_done_fn *done, void *ctx, struct err *e) MUSTCHECK;
void http_client_cancel(struct http_flight *f);         /* done() will not come                   */
size_t http_client_flights(const struct http_client *c);

/* Blocks; for programs without a loop. `session` keeps connections between calls; NULL is allowed.
 * The answer lives in the arena. */
struct http_session;
struct http_session *http_session_new(void);
void http_session_free(struct http_session *s);
bool http_fetch(struct http_session *session, const struct http_call *call, struct arena *arena,
	struct http_answer *answer, struct err *e) MUSTCHECK;

/* Cuts a stream into lines: feed it from on_data, it calls line() for each without its newline
 * (also without '\r'). A line above the ceiling fails. */
struct http_lines {
	bool (*line)(void *ctx, const char *line, size_t n);
	void *ctx;
	size_t max;                             /* 0: 1 MiB                                           */
	char *buf_;
	size_t len_, cap_;
};
bool http_lines_feed(struct http_lines *l, const char *p, size_t n) MUSTCHECK;
void http_lines_free(struct http_lines *l);
