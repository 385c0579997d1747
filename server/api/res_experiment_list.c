/* The experiments of one namespace, or of all. */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "server/api/json_experiment.h"
#include "server/api/json_pick.h"
#include "server/api/res.h"
#include "server/store/store_experiment.h"

enum { FIELDS_MAX = 32, ITEM_MAX = 4 << 20 };

static const char *const sort_names[] = {
	[STORE_NEWEST_FIRST] = "-createdAt",
	[STORE_OLDEST_FIRST] = "createdAt",
	[STORE_BY_NAME] = "name",
	[STORE_BY_NAME_DOWN] = "-name",
	NULL,
};

struct list_query {
	struct page_query page;
	const char *labels, *search, *state, *ns;
	int sort;
	bool archived;
	struct json_list fields;
};

#define LIST_FIELDS                                                                                        \
	PAGE_QUERY_FIELDS(struct list_query, "100"),                                                           \
		JF_STR(struct list_query, labels, "labelSelector", JF_OPTIONAL, 0, 2000, "team=vision,owner=ana"), \
		JF_STR(struct list_query, search, "search", JF_OPTIONAL, 0, 63, "part of the name"),               \
		JF_STR(struct list_query, state, "state", JF_OPTIONAL, 0, 63, "only experiments in this state"),   \
		JF_BOOL(                                                                                           \
			struct list_query, archived, "archived", "false", "the deleted ones instead, the last first"), \
		JF_ENUM(struct list_query, sort, "sort", JF_OPTIONAL, sort_names, "\"-createdAt\"", "order"),      \
		JF_STRINGS(struct list_query, fields, "fields", JF_OPTIONAL, 0, FIELDS_MAX,                        \
			"only these members of each item: metadata.name,status.state")

static const struct json_field list_query[] = {LIST_FIELDS, JF_END};
static const struct json_field all_query[] = {
	LIST_FIELDS,
	JF_STR(struct list_query, ns, "namespace", JF_OPTIONAL, 0, 63, "only this namespace"),
	JF_END,
};

struct listing {
	struct http_req *req;
	struct store_experiment_page page;
	const char *name;               /* of the list, for its cursors */
};

/* ---- what is asked for ------------------------------------------------------------------------------- */

/* "a=b,c=d" as {"a": "b", "c": "d"}: equality is what the store can look up. */
static bool selector_of(struct http_req *req, const char *text, const char **out)
{
	struct strbuf json;
	struct json_writer w;
	bool ok = true;

	strbuf_init(&json, 1 << 16);
	jw_init(&w, &json);
	jw_object(&w, NULL);
	while (ok && *text) {
		size_t n = strcspn(text, ","), name = strcspn(text, "=,!");
		const char *value = text + name + (text[name] == '=') + (text[name] == '=' && text[name + 1] == '=');
		ok = name > 0 && name < n && text[name] == '=' && !memchr(text, ' ', n);
		if (ok)
			jw_strn(&w, arena_strndup(req->arena, text, name), value, (size_t)(text + n - value));
		text += n + (text[n] == ',');
	}
	jw_end(&w);
	*out = ok ? arena_strndup(req->arena, json.data, json.len) : NULL;
	strbuf_free(&json);
	if (!ok)
		api_invalid(req, "?labelSelector", "bad-selector", "labels are selected as name=value, joined by commas");
	return ok;
}

static bool state_of(struct http_req *req, const char *name, int *out)
{
	enum experiment_state state;

	*out = -1;
	if (!name)
		return true;
	if (experiment_state_parse(name, &state)) {
		*out = (int)state;
		return true;
	}
	const char *nearest = nearest_name(name, experiment_state_names());
	api_invalid(req, "?state", "unknown-state", "'%s' is not a state of experiments%s%s", name,
		nearest ? "; did you mean " : "", nearest ? nearest : "");
	return false;
}

/* Everything that a cursor depends on, so that it fits no other list. */
static const char *name_of(const struct listing *l)
{
	const struct store_experiment_page *p = &l->page;

	return arena_printf(l->req->arena, "experiments %s %s %d %s %d", p->ns ? p->ns : "*", p->labels ? p->labels : "",
		p->state, p->search ? p->search : "", (int)p->sort);
}

static bool cursor_of(struct listing *l, const char *cursor, struct err *e)
{
	struct page_key key;
	int64_t id, at;

	if (!page_read(l->req->arena, l->name, cursor, &key, e))
		return false;
	if (key.n == 0)
		return true;
	if (key.n != 4 || !num_parse_i64(key.value[0], strlen(key.value[0]), &id) ||
		!num_parse_i64(key.value[1], strlen(key.value[1]), &at))
		return err_set(e, ERR_INVALID, "`continue` is not from this list");
	l->page.after_id = id;
	l->page.after_us = at;
	l->page.after_ns = key.value[2];
	l->page.after_name = key.value[3];
	return true;
}

static const char *cursor_after(const struct listing *l, const struct store_experiment *x)
{
	char id[NUM_MAX], at[NUM_MAX];

	assert(x->id && x->ns && x->name);
	num_format_i64(id, x->id);
	num_format_i64(at, l->page.sort == STORE_ARCHIVED ? x->archived_us : x->created_us);
	return page_cursor(l->req->arena, l->name, &(struct page_key){.n = 4, .value = {id, at, x->ns, x->name}});
}

/* ---- the answer -------------------------------------------------------------------------------------- */

static void item_json(struct json_writer *w, struct http_req *req, const struct store_experiment *x)
{
	const struct list_query *q = req->query;
	struct strbuf text;
	struct json_writer whole;

	if (q->fields.n == 0)
		return experiment_json(w, NULL, req->arena, x);
	strbuf_init(&text, ITEM_MAX);
	jw_init(&whole, &text);
	experiment_json(&whole, NULL, req->arena, x);
	const cJSON *tree = json_parse(text.data, text.len, 0, req->arena, NULL);
	strbuf_free(&text);
	json_pick(w, NULL, tree, q->fields.items, q->fields.n);
}

static void listed(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct listing *l = ctx;

	if (e)
		return http_reply_err(l->req, e);
	struct json_writer *w = http_json(l->req);
	jw_object(w, NULL);
	jw_array(w, "items");
	for (size_t i = 0; i < rows->n; i++)
		item_json(w, l->req, &rows->items[i]);
	api_reply_page(l->req, w, rows->n && rows->remaining ? cursor_after(l, &rows->items[rows->n - 1]) : NULL,
		rows->remaining);
}

static void list(struct http_req *req, const char *ns)
{
	const struct list_query *q = req->query;
	struct listing *l = ARENA_NEW(req->arena, struct listing);
	struct err e;

	l->req = req;
	l->page = (struct store_experiment_page){.ns = ns,
		.search = q->search && *q->search ? q->search : NULL,
		.sort = q->archived ? STORE_ARCHIVED : (enum store_experiment_sort)q->sort,
		.limit = (int)q->page.limit};
	if (!state_of(req, q->state, &l->page.state))
		return;
	if (q->labels && *q->labels && !selector_of(req, q->labels, &l->page.labels))
		return;
	l->name = name_of(l);
	if (!cursor_of(l, q->page.cont, &e))
		return http_reply_err(req, &e);
	store_experiments_page(api_app(req)->store, req->arena, &l->page, listed, l);
}

static void namespace_list(struct http_req *req)
{
	list(req, api_ns(req));
}

static void all_list(struct http_req *req)
{
	const struct list_query *q = req->query;
	const char *ns = q->ns && *q->ns ? q->ns : NULL;

	if (api_namespace(req, &ns))
		list(req, ns);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = API_EXPERIMENTS, .handler = namespace_list, .need = ROLE_VIEWER,
		.query = list_query, .query_size = sizeof(struct list_query),
		.status = 200, .answer = "ExperimentList", .id = "listExperiments", .summary = "The experiments of a namespace",
		.doc = "Items have objectives, algorithm and budget of their spec only."},
	{.method = HTTP_GET, .path = API_ROOT "/experiments", .handler = all_list, .need = ROLE_VIEWER,
		.query = all_query, .query_size = sizeof(struct list_query),
		.status = 200, .answer = "ExperimentList", .id = "listAllExperiments",
		.summary = "The experiments of every namespace that the token may see"},
};
ROUTE_TABLE(res_experiment_list, routes);
