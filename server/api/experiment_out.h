/* What several handlers of experiments share: answers and intents. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/attr.h"
#include "server/store/store_experiment.h"

struct experiment_spec;
struct http_req;

/* One row is there; otherwise (error, none, NOT_FOUND, STALE) false and answered. */
bool experiment_found(struct http_req *req, const struct store_experiments *rows, const struct err *e) MUSTCHECK;
/* The document with its ETag. */
void reply_experiment(struct http_req *req, int status, const struct store_experiment *x);
/* Carries the intent out, with a new spec if one is given, and answers: the experiment with `status`, or 409
 * with its state and the actions that it allows. */
void experiment_intend(struct http_req *req, enum store_intent intent, const struct experiment_spec *s, int status);

/* If-Match: 0 without the header or with *, the version, or -1 for one that we never gave. */
int64_t if_match(const struct http_req *req);

/* The row's spec, typed; NULL and answered when it cannot be read. */
const struct experiment_spec *experiment_spec_of(struct http_req *req, const struct store_experiment *x) MUSTCHECK;
/* The spec as it is stored: the value of "spec", and its hash. In the request's arena. */
const char *spec_text(struct http_req *req, const struct experiment_spec *s);
const char *spec_hash(struct http_req *req, const struct experiment_spec *s);
/* Pairs as a JSON object. */
struct json_pair;
const char *pairs_text(struct http_req *req, const struct json_pair *pairs, size_t n);
