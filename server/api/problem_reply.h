/*
 * Errors as answers: RFC 9457 problem documents with every problem at once.
 *
 *     {"type": "/problems/invalid", "title": "...", "status": 422, "detail": "...",
 *      "instance": "/api/v1/...", "requestId": "...",
 *      "errors": [{"pointer": "/spec/x", "code": "min-above-max", "detail": "...", "didYouMean": ["y"]}]}
 *
 * 401 carries WWW-Authenticate, 405 Allow, 429 and 503 Retry-After.
 */
#pragma once
#include "lib/err.h"

struct http_req;
struct json_writer;
struct problems;

struct problem_reply {
	enum err_code code;
	const char *type;               /* NULL: the code's; "invalid-experiment" where ux wants it    */
	const char *title;              /* NULL: the code's                                            */
	const char *detail;
	const struct problems *problems;        /* or NULL                                             */
	int retry_after_s;              /* 0: 1 for 429, 5 for 503                                     */
	const char *allow;              /* 405                                                         */
	/* Adds members of its own ("diff", "allowedActions"); or NULL. */
	void (*extra)(struct json_writer *w, const void *ctx);
	const void *ctx;
};

void http_reply_problem(struct http_req *req, const struct problem_reply *p);
/* 422 with all of them. title e.g. "The experiment document has 3 errors"; NULL: one is made. */
void http_reply_problems(struct http_req *req, const struct problems *p, const char *type, const char *title,
	const char *detail);
