/*
 * Values in PostgreSQL's binary form: the arguments of a statement are appended in the order of its
 * "in:" list (asserted), the rows of its answer are decoded into structs by a table of fields.
 *
 * Arguments own their memory: a statement may have to be sent again long after its caller is gone.
 */
#pragma once
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/store/stmt_def.h"

struct arena;

enum { PG_ARGS_MAX = 32 };

struct pg_args {
	const struct stmt_def *def;
	unsigned n;                             /* complete arguments                                */
	size_t offset[PG_ARGS_MAX];
	int length[PG_ARGS_MAX];                /* -1 = null                                         */
	size_t elements_left;                   /* of the array under way                            */
	char *data;
	size_t size, cap;
};

void pg_args_init(struct pg_args *a, const struct stmt_def *def);
void pg_args_free(struct pg_args *a);

void pg_int(struct pg_args *a, int64_t v);      /* PG_INT or PG_BIGINT, as declared */
void pg_double(struct pg_args *a, double v);
void pg_bool(struct pg_args *a, bool v);
void pg_text(struct pg_args *a, const char *v); /* PG_TEXT, PG_JSON or PG_JSONB; NULL = null */
void pg_time(struct pg_args *a, int64_t unix_us);       /* 0 = null */
void pg_null(struct pg_args *a);

/* Begins an array of n elements; exactly n pg_*_element calls follow. */
void pg_array(struct pg_args *a, size_t n);
void pg_int_element(struct pg_args *a, int64_t v);
void pg_int_element_or_null(struct pg_args *a, int64_t v, bool null);
void pg_double_element(struct pg_args *a, double v);
void pg_bool_element(struct pg_args *a, bool v);
void pg_text_element(struct pg_args *a, const char *v);
void pg_time_element(struct pg_args *a, int64_t unix_us);
/* The same at once: PG_ARRAY(a, i, n, pg_int_element, rows[i].number); */
#define PG_ARRAY(a, i, n, element, ...)  \
	do {                                 \
		pg_array(a, n);                  \
		for (size_t i = 0; i < (n); i++) \
			element(a, __VA_ARGS__);     \
	} while (0)

/* How a column becomes a member of a struct. */
enum row_kind {
	ROW_BOOL,               /* bool; null = false                                                 */
	ROW_INT,                /* int; null = 0                                                      */
	ROW_INT_OR_NONE,        /* int; null = STORE_NO_INT                                           */
	ROW_BIGINT,             /* int64_t; null = 0                                                  */
	ROW_STEP,               /* int64_t; null = -1                                                 */
	ROW_DOUBLE,             /* double; null = NaN                                                 */
	ROW_TEXT,               /* const char *, text and JSON; null = NULL                           */
	ROW_TIME,               /* int64_t Unix microseconds; null = 0                                */
	ROW_DOUBLES,            /* struct store_doubles                                               */
	ROW_NAME,               /* int (an enum): the text's index in names()                         */
};

struct row_field {
	const char *column;
	enum row_kind kind;
	size_t offset;
	const char *const *(*names)(void);      /* ROW_NAME: NULL-ended                               */
};

struct row_shape {
	size_t size;
	const struct row_field *fields;
	size_t n;
	const struct row_shape *first;          /* fields of the struct's first member; or NULL       */
};

/* All rows, in the arena, the members that have no column cleared. Every column must have a field.
 * Asserts on types; the connection has compared the statement with its declaration. */
void *rows_decode(const PGresult *res, const struct row_shape *shape, struct arena *a);
