/* The trials of an experiment, page by page, as JSON or CSV. */
#include "lib/arena.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "server/api/json_trial.h"
#include "server/api/res.h"
#include "server/store/store_trial.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { CSV_MAX = 64 << 20 };

enum sort { SORT_NUMBER, SORT_NUMBER_DOWN, SORT_RANK };
static const char *const sort_names[] = {"number", "-number", "rank", NULL};

struct list_query {
	struct page_query page;
	struct json_list states;
	int sort;
	int64_t after;
	bool has_after;
};

static const struct json_field list_fields[] = {
	PAGE_QUERY_FIELDS(struct list_query, "100"),
	JF_STRINGS(struct list_query, states, "state", JF_OPTIONAL, 0, TRIAL_STATES, "only trials in these states"),
	JF_ENUM(struct list_query, sort, "sort", JF_OPTIONAL, sort_names, "\"number\"",
		"rank: the best first, ranked trials only"),
	{.kind = JF_K_INT, .name = "after", .offset = offsetof(struct list_query, after),
		.present_offset = offsetof(struct list_query, has_after), .min = 0, .max = 9e15,
		.doc = "only trials that are newer or have changed since this version (of an earlier answer)"},
	JF_END,
};

struct listing {
	struct http_req *req;
	struct store_trial_page page;
	const char *name;               /* of the list, for its cursors */
};

/* ---- where a page begins --------------------------------------------------------------------------- */

static bool states_of(struct http_req *req, const struct list_query *q, unsigned *out)
{
	for (size_t i = 0; i < q->states.n; i++) {
		const char *name = ((const char *const *)q->states.items)[i];
		enum trial_state state;

		if (!trial_state_parse(name, &state)) {
			const char *nearest = nearest_name(name, trial_state_names());
			api_invalid(req, "/state", "unknown-state", "'%s' is not a state of trials%s%s", name,
				nearest ? "; did you mean " : "", nearest ? nearest : "");
			return false;
		}
		*out |= 1u << state;
	}
	return true;
}

static bool key_int(const char *text, int64_t *out)
{
	return num_parse_i64(text, strlen(text), out);
}

/* A cursor holds (change or cost, number) of the last trial. */
static bool cursor_of(struct listing *l, const char *cursor, struct err *e)
{
	struct page_key key;
	int64_t number;

	if (!page_read(l->req->arena, l->name, cursor, &key, e))
		return false;
	if (key.n == 0)
		return true;
	if (key.n != 2 || !key_int(key.value[1], &number) || number < 0 || number > INT32_MAX)
		return err_set(e, ERR_INVALID, "`continue` is not from this list");
	l->page.after_number = (int)number;
	bool ok = l->page.sort == STORE_BY_CHANGE
	              ? key_int(key.value[0], &l->page.after_change)
	              : num_parse(key.value[0], strlen(key.value[0]), true, &l->page.after_cost);
	return ok || err_set(e, ERR_INVALID, "`continue` is not from this list");
}

static const char *cursor_after(const struct listing *l, const struct store_trial *last)
{
	char first[NUM_MAX], number[NUM_MAX];

	assert(last->number > 0);
	if (l->page.sort == STORE_BY_CHANGE)
		num_format_i64(first, last->change);
	else
		num_format(first, last->cost);
	num_format_i64(number, last->number);
	return page_cursor(l->req->arena, l->name, &(struct page_key){.n = 2, .value = {first, number}});
}

/* ---- the answer ------------------------------------------------------------------------------------ */

static void reply_json(struct listing *l, const struct store_trials *rows, const struct trial_place *place,
	const char *cursor)
{
	struct json_writer *w = http_json(l->req);

	jw_object(w, NULL);
	jw_int(w, "version", rows->change);
	jw_array(w, "items");
	for (size_t i = 0; i < rows->n; i++)
		trial_json(w, NULL, l->req->arena, &rows->items[i], place);
	api_reply_page(l->req, w, cursor, rows->remaining);
}

static void reply_csv(struct listing *l, const struct store_trials *rows, const struct trial_place *place,
	const char *cursor)
{
	struct strbuf out;

	strbuf_init(&out, CSV_MAX);
	trial_csv_head(&out, place);
	for (size_t i = 0; i < rows->n; i++)
		trial_csv_row(&out, l->req->arena, &rows->items[i], place);
	if (cursor)
		api_link_next(l->req, cursor);
	http_reply_strbuf_take(l->req, 200, "text/csv; charset=utf-8; header=present", &out);
}

static bool wants_csv(const struct http_req *req)
{
	const char *accept = http_header(req, "Accept");

	return accept && strstr(accept, "text/csv");
}

static void trials_listed(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct listing *l = ctx;
	struct http_req *req = l->req;

	if (e)
		return http_reply_err(req, e);
	if (!rows->found)
		return api_no_experiment(req);
	const struct trial_place place = trial_place(req->arena, api_ns(req), api_name(req), rows);
	const char *cursor = rows->n && rows->remaining != 0 ? cursor_after(l, &rows->items[rows->n - 1]) : NULL;
	(wants_csv(req) ? reply_csv : reply_json)(l, rows, &place, cursor);
}

static void trials_list(struct http_req *req)
{
	static const enum store_trial_sort sorts[] = {
		[SORT_NUMBER] = STORE_BY_NUMBER, [SORT_NUMBER_DOWN] = STORE_BY_NUMBER_DOWN, [SORT_RANK] = STORE_BY_RANK};
	const struct list_query *q = req->query;
	struct listing *l = ARENA_NEW(req->arena, struct listing);
	struct err e;

	assert((size_t)q->sort < ARRAY_LEN(sorts) && q->page.limit <= PAGE_LIMIT_MAX);
	l->req = req;
	l->page = (struct store_trial_page){.ns = api_ns(req), .experiment = api_name(req), .sort = sorts[q->sort],
		.limit = (int)q->page.limit};
	if (!states_of(req, q, &l->page.states))
		return;
	if (q->has_after) {
		l->page.sort = STORE_BY_CHANGE;
		l->page.after_change = q->after;
		l->page.after_number = INT32_MAX;
	}
	l->name = arena_printf(req->arena, "trials %s/%s %d %u", l->page.ns, l->page.experiment, (int)l->page.sort,
		l->page.states);
	if (!cursor_of(l, q->page.cont, &e))
		return http_reply_err(req, &e);
	store_trials_page(api_app(req)->store, req->arena, &l->page, trials_listed, l);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = API_TRIALS, .handler = trials_list, .need = ROLE_VIEWER,
		.query = list_fields, .query_size = sizeof(struct list_query),
		.status = 200, .answer = "TrialList", .id = "listTrials", .summary = "The trials of an experiment",
		.doc = "With `Accept: text/csv` a table: the next page is in the Link header then."},
};
ROUTE_TABLE(res_trial_list, routes);
