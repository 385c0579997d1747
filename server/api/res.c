/* What the resource files share. */
#include "server/api/res.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "lib/uri.h"
#include "server/control/control.h"

struct app *api_app(const struct http_req *req)
{
	assert(req->app);
	return req->app;
}

const char *api_ns(const struct http_req *req)
{
	return route_param(req, "ns");
}

const char *api_name(const struct http_req *req)
{
	return route_param(req, "name");
}

const char *api_who(const struct http_req *req)
{
	return req->principal.name && *req->principal.name ? req->principal.name : "anonymous";
}

struct store_trial_ref api_trial_ref(const struct http_req *req)
{
	const char *trial = route_param(req, "trial");
	struct store_trial_ref ref = {.ns = api_ns(req), .experiment = api_name(req)};
	int64_t number;

	if (num_parse_i64(trial, strlen(trial), &number) && number > 0 && number <= INT32_MAX)
		ref.number = (int)number;
	else
		ref.name = trial;
	assert(!ref.number != !ref.name);
	return ref;
}

void api_fail(struct http_req *req, enum err_code code, const char *fmt, ...)
{
	struct err e = {.code = code, .where = __FILE__};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.detail, sizeof e.detail, fmt, ap);
	va_end(ap);
	http_reply_err(req, &e);
}

void api_no_experiment(struct http_req *req)
{
	api_fail(req, ERR_NOT_FOUND, "There is no experiment '%s' in namespace '%s'", api_name(req), api_ns(req));
}

void api_invalid(struct http_req *req, const char *pointer, const char *code, const char *fmt, ...)
{
	struct problems *p = ARENA_NEW(req->arena, struct problems);
	va_list ap;

	problems_init(p, req->arena);
	va_start(ap, fmt);
	problem_add(p, pointer, code, "%s", arena_vprintf(req->arena, fmt, ap));
	va_end(ap);
	http_reply_problems(req, p, NULL, NULL, NULL);
}

bool api_namespace(struct http_req *req, const char **ns)
{
	struct err e;

	if (!*ns && req->principal.ns && strcmp(req->principal.ns, "*") != 0)
		*ns = req->principal.ns;
	if (auth_allows(&req->principal, req->route->need, *ns ? *ns : "*", &e))
		return true;
	http_reply_err(req, &e);
	return false;
}

bool api_trial_allowed(struct http_req *req, int64_t experiment_id, int64_t number)
{
	struct err e;

	if (auth_allows_trial(&req->principal, req->route->need, api_ns(req), experiment_id, number, &e))
		return true;
	http_reply_err(req, &e);
	return false;
}

bool api_trial_found(struct http_req *req, const struct store_trials *rows, const struct err *e)
{
	if (e)
		http_reply_err(req, e);
	else if (!rows->found)
		api_no_experiment(req);
	else if (rows->n == 0)
		api_fail(req, ERR_NOT_FOUND, "Experiment '%s' has no trial '%s'", api_name(req), route_param(req, "trial"));
	else
		return api_trial_allowed(req, rows->experiment, rows->items[0].number);
	return false;
}

/* ---- finding --------------------------------------------------------------------------------------- */

struct finding {
	struct http_req *req;
	api_found_fn *done;
};

static void experiment_found(void *ctx, int64_t experiment_id, const struct err *e)
{
	struct finding *f = ctx;

	if (e)
		http_reply_err(f->req, e);
	else
		f->done(f->req, experiment_id);
}

void api_find(struct http_req *req, api_found_fn *done)
{
	struct finding *f = ARENA_NEW(req->arena, struct finding);

	*f = (struct finding){.req = req, .done = done};
	control_find(api_app(req)->control, api_ns(req), api_name(req), experiment_found, f);
}

struct trial_finding {
	struct http_req *req;
	api_trial_fn *done;
	int number;
};

static void numbered_found(void *ctx, int64_t experiment_id, const struct err *e)
{
	struct trial_finding *f = ctx;
	struct http_req *req = f->req;

	assert(f->number > 0);
	/* A trial outlives the name of its experiment: to its token what is deleted is gone, not unknown. */
	if (e && e->code == ERR_NOT_FOUND && req->principal.kind == PRINCIPAL_TRIAL)
		experiment_id = req->principal.experiment_id;
	else if (e)
		return http_reply_err(req, e);
	if (api_trial_allowed(req, experiment_id, f->number))
		f->done(req, experiment_id, f->number);
}

static void named_found(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct trial_finding *f = ctx;

	if (api_trial_found(f->req, rows, e))
		f->done(f->req, rows->experiment, rows->items[0].number);
}

void api_find_trial(struct http_req *req, api_trial_fn *done)
{
	struct trial_finding *f = ARENA_NEW(req->arena, struct trial_finding);
	struct store_trial_ref ref = api_trial_ref(req);

	*f = (struct trial_finding){.req = req, .done = done, .number = ref.number};
	if (ref.number)
		control_find(api_app(req)->control, ref.ns, ref.experiment, numbered_found, f);
	else
		store_trial_get(api_app(req)->store, req->arena, &ref, named_found, f);
}

/* ---- pages ----------------------------------------------------------------------------------------- */

void api_reply_page(struct http_req *req, struct json_writer *w, const char *cursor, int64_t remaining)
{
	assert(w->depth == 2 && "the list in its object");
	jw_end(w);
	if (cursor)
		jw_str(w, "continue", cursor);
	if (remaining >= 0)
		jw_int(w, "remainingItemCount", remaining);
	jw_end(w);
	http_reply_json(req, 200);
}

void api_link_next(struct http_req *req, const char *cursor)
{
	struct uri_query query;
	struct strbuf link;
	char separator = '?';

	if (!uri_parse_query(req->query_text, req->arena, &query, NULL))
		return;
	strbuf_init(&link, 4 * PAGE_CURSOR_MAX + 4096);
	strbuf_printf(&link, "<%s", req->path);
	for (size_t i = 0; i < query.n; i++) {
		if (strcmp(query.pairs[i].name, "continue") == 0)
			continue;
		strbuf_putc(&link, separator);
		uri_encode(&link, query.pairs[i].name);
		strbuf_putc(&link, '=');
		uri_encode(&link, query.pairs[i].value);
		separator = '&';
	}
	strbuf_printf(&link, "%ccontinue=", separator);
	uri_encode(&link, cursor);
	strbuf_puts(&link, ">; rel=\"next\"");
	if (!link.failed)
		http_set_header(req, "Link", link.data);
	strbuf_free(&link);
}
