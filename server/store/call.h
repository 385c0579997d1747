/*
 * What the store_*.c files share: a statement under way, and how its rows reach a typed callback.
 *
 *     struct store_call *c = store_call_new(s, STMT_X, a, answer_xs, (store_fn *)done, ctx);
 *     pg_int(&c->unit.args, ...); ...
 *     return store_call_send(c);
 */
#pragma once
#include "lib/arena.h"
#include "server/store/pg.h"
#include "server/store/store.h"

typedef void store_fn(void);    /* a callback of any type, cast back by its answer function */
typedef void store_answer_fn(struct store_call *c, const PGresult *res, const struct err *e);

struct store_call {
	struct pg_unit unit;
	struct store *store;
	struct arena *arena;
	struct arena *own;              /* when the caller gave none: lives until the callback returned */
	store_answer_fn *answer;        /* NULL: orphaned */
	store_fn *done;
	void *ctx;
};

struct store_call *store_call_new(struct store *s, enum stmt stmt, struct arena *a, store_answer_fn *answer,
	store_fn *done, void *ctx);
struct store_call *store_call_send(struct store_call *c);
/* In order with the other calls of this experiment. */
struct store_call *store_call_send_for(struct store_call *c, int64_t experiment);

/* Removes what purged experiments left, a part at a time, until nothing is left. */
void store_sweep(struct store *s);
/* Counts the ranking of an experiment anew: a page of it was slow. One experiment at a time. */
void store_keep_ranking(struct store *s, int64_t experiment);

store_answer_fn store_answer_outcome, store_answer_count;
const char *const *store_outcome_names(void);

/* The plainest answer: answer_xs() decodes all rows into a struct store_xs, {items, n}. */
#define ANSWER_ROWS(xs, shape)                                                              \
	static void answer_##xs(struct store_call *c, const PGresult *res, const struct err *e) \
	{                                                                                       \
		struct store_##xs *rows = e ? NULL : ARENA_NEW(c->arena, struct store_##xs);        \
		if (rows) {                                                                         \
			rows->items = rows_decode(res, &(shape), c->arena);                             \
			rows->n = (size_t)PQntuples(res);                                               \
		}                                                                                   \
		((store_##xs##_cb *)c->done)(c->ctx, rows, e);                                      \
	}

#define ROW(kind_, struct_, member_, column_) \
	{.column = column_, .kind = kind_, .offset = offsetof(struct_, member_)}
#define ROW_OF(names_, struct_, member_, column_) \
	{.column = column_, .kind = ROW_NAME, .offset = offsetof(struct_, member_), .names = names_}
