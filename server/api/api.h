/*
 * The REST API: every resource, one file each (res_*.c), and what they share.
 *
 * The server fills a struct app, makes the router with it, and calls api_register() once:
 *
 *     app.auth = auth_new(&(struct auth_config){.lookup = api_token_lookup, .store = app.store, ...});
 *     router = router_new(app.auth, &app);
 *     api_register(router, &app);
 *     http_server_new(loop, &(struct http_config){.handle = router_handle, .ctx = router, ...});
 *
 * and api_close() after the HTTP server is gone. All that is pointed to stays the server's and must
 * outlive the router. Handlers find the app as req->app.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/api/auth.h"
#include "server/model/spec.h"

struct api_gauges;
struct arena;
struct control;
struct http_req;
struct loop;
struct prom;
struct router;
struct store;
struct work_pool;

struct app {
	struct loop *loop;
	struct store *store;
	struct control *control;
	struct work_pool *workers;      /* for what takes longer than a pass may                       */
	struct prom *prom;              /* what GET /metrics writes                                    */
	struct auth *auth;              /* forgotten when tokens change                                */
	const char *version;            /* "0.1.0"                                                     */
	enum executor executor;         /* for a trial block that names none                           */
	const char *const *executors;   /* those that this server has, NULL-ended; for /readyz         */
	bool draining;                  /* SIGTERM came: /readyz answers 503                           */

	/* The API's own, zeroed by the server. */
	struct router *router;
	char *openapi;                  /* the document, made when first asked for                     */
	size_t openapi_len;
	struct loop_timer *sweeper;     /* of Idempotency-Keys; NULL without loop                      */
	struct api_gauges *gauges;      /* NULL without prom                                           */
};

void api_register(struct router *r, struct app *app);
void api_close(struct app *app);

/* For struct auth_config.lookup; its `store` is the struct store. */
void api_token_lookup(void *store, const uint8_t hash[AUTH_HASH], struct arena *a, auth_found_fn *found, void *ctx);
