/*
 * One request and its answer on a curl easy handle: what the asynchronous client and the blocking
 * helper share. Private to them.
 */
#pragma once
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/http_client.h"
#include "lib/strbuf.h"

struct http_exchange {
	CURL *easy;                     /* the owner's                                     */
	struct arena *arena;            /* of the answer; the owner's                      */
	struct strbuf body;
	struct curl_slist *headers, *connect_to;
	char error[CURL_ERROR_SIZE];
	const char *method, *place;     /* "POST", "https://host:443": for messages        */
	int64_t start_us;
	int64_t timeout_us;
	bool (*on_head)(void *ctx, int status);
	bool (*on_data)(void *ctx, const char *p, size_t n);
	void *ctx;
	bool follow, head_seen, stopped;
	bool *inside;                   /* set while a callback of the user runs; or NULL   */
	struct http_header *got;        /* headers of the answer, in the arena              */
	size_t n_got, cap_got;
};

/* Prepares the handle for the call; everything is copied into the arena. */
bool http_exchange_begin(struct http_exchange *x, CURL *easy, struct arena *a, const struct http_call *call,
	const char *user_agent, struct err *e) MUSTCHECK;
/* After curl is done: fills *answer (in the arena), or *e. */
bool http_exchange_end(struct http_exchange *x, CURLcode code, struct http_answer *answer, struct err *e) MUSTCHECK;
void http_exchange_free(struct http_exchange *x);
