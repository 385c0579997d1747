#include "server/api/problem_reply.h"

#include <stddef.h>
#include <stdio.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/log.h"
#include "lib/problems.h"
#include "server/api/http.h"

static void set_headers(struct http_req *req, const struct problem_reply *p, int status)
{
	char seconds[12];
	if (status == 401)
		http_set_header(req, "WWW-Authenticate", "Bearer realm=\"trimtab\"");
	if (p->allow)
		http_set_header(req, "Allow", p->allow);
	if (status == 429 || status == 503) {
		int after_s = p->retry_after_s ? p->retry_after_s : status == 429 ? 1 : 5;
		snprintf(seconds, sizeof seconds, "%d", after_s);
		http_set_header(req, "Retry-After", seconds);
	}
}

static void write_errors(struct json_writer *w, const struct problems *problems)
{
	jw_array(w, "errors");
	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->items[i];
		jw_object(w, NULL);
		jw_str(w, "pointer", p->pointer);
		jw_str(w, "code", p->code);
		jw_str(w, "detail", p->detail);
		if (p->did_you_mean) {
			jw_array(w, "didYouMean");
			jw_str(w, NULL, p->did_you_mean);
			jw_end(w);
		}
		jw_end(w);
	}
	jw_end(w);
	if (problems->total > problems->n)
		jw_int(w, "errorsNotShown", (int64_t)(problems->total - problems->n));
}

void http_reply_problem(struct http_req *req, const struct problem_reply *p)
{
	int status = err_status(p->code);
	char type[80];
	snprintf(type, sizeof type, "/problems/%s", p->type ? p->type : err_type(p->code));
	set_headers(req, p, status);
	struct json_writer *w = http_json(req);
	jw_object(w, NULL);
	jw_str(w, "type", type);
	jw_str(w, "title", p->title ? p->title : err_title(p->code));
	jw_int(w, "status", status);
	if (p->detail && p->detail[0])
		jw_str(w, "detail", p->detail);
	if (req->path[0])
		jw_str(w, "instance", req->path);
	jw_str(w, "requestId", req->id);
	if (p->problems)
		write_errors(w, p->problems);
	if (p->extra)
		p->extra(w, p->ctx);
	jw_end(w);
	http_reply_json_as(req, status, "application/problem+json");
}

void http_reply_problems(
	struct http_req *req, const struct problems *p, const char *type, const char *title, const char *detail)
{
	char count[64];
	snprintf(count, sizeof count, p->total == 1 ? "The request has 1 error" : "The request has %zu errors",
		p->total);
	http_reply_problem(req, &(struct problem_reply){
								.code = ERR_INVALID,
								.type = type,
								.title = title ? title : count,
								.detail = detail,
								.problems = p,
							});
}

void http_reply_err(struct http_req *req, const struct err *e)
{
	if (e->code == ERR_INTERNAL)
		LOG_ERROR("a request failed", L_STR("requestId", req->id), L_STR("path", req->path),
			L_STR("error", e->detail), L_STR("where", e->where));
	http_reply_problem(req, &(struct problem_reply){.code = e->code, .detail = e->detail});
}
