/*
 * Idempotency-Key: a POST that is sent again gets the first answer again and does nothing twice.
 *
 * A handler that creates something is entered through idempotent(). Without the header it runs at
 * once. With it, the key is first taken in the database for this principal and this very request;
 * the answer is stored there before it is sent, and kept for a day. Answers 5xx are not kept: such a
 * request may be tried again.
 */
#pragma once

struct app;
struct http_req;

/* Deletes answers that were kept long enough, now and then. */
struct loop_timer *idempotent_sweep_new(struct app *app);

void idempotent(struct http_req *req, void (*handler)(struct http_req *req));
