/*
 * Web hooks: what a document's `notify` asks for is told to its URLs by POST.
 *
 * notify.c writes what happened as JSON; courier.c delivers it. A message is whole when it is
 * handed over, so that it outlives its experiment. Nothing waits for a delivery, and the queue has an
 * end. Its id is derived from what happened, so that a message that is sent twice can be recognised.
 *
 *     Trimtab-Event: NewBest
 *     Trimtab-Delivery: 32 hex digits, of (experiment uid, event, what about it)
 *     Trimtab-Signature: t=<Unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">    with a secret
 *
 * An answer of 2xx is the end of it. No answer, 408, 425, 429 and 5xx: tried again, five times in
 * about three minutes. Any other answer, and the fifth failure: a Warning among the events. How the
 * end of an experiment was told is kept among the events as well; what a stopped server owes is told
 * by the next one that starts. Other messages are told at most once by a server that lives.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct control;
struct courier;
struct experiment;
struct store_experiment;
struct store_trial;

/* This trial's row was committed: it is the best now, or it failed and will not be tried again. */
void notify_trial(struct control *c, struct experiment *x, const struct store_trial *row, bool best);
/* The experiment ended as its row says. */
void notify_end(struct control *c, struct experiment *x, const struct store_experiment *row);

/* Tells of the ends that a server before this one did not live to tell. */
void notify_untold(struct control *c);

/* ---- courier.c --------------------------------------------------------------------------------- */

enum { COURIER_ID_MAX = 33 };

struct message {
	int64_t experiment;
	int32_t number;                 /* the trial, or 0                                            */
	const char *event;              /* static: NewBest, ...                                       */
	const char *id;
	const char *url, *secret;       /* secret or NULL                                             */
	const char *body;
	bool end;                       /* of the experiment: how it went is written down             */
};

struct courier *courier_new(struct control *c);
void courier_free(struct courier *k);           /* what is not delivered is dropped */
/* Copies the message. */
void courier_take(struct courier *k, const struct message *m);
size_t courier_waiting(const struct courier *k);        /* not delivered yet */
