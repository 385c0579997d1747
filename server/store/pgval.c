#include "server/store/pgval.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/mem.h"
#include "server/store/store.h"

/* PostgreSQL counts time from 2000-01-01. */
#define EPOCH_US (INT64_C(946684800) * 1000000)

static const struct {
	uint32_t oid;
} types[PG_TYPES] = {
#define X(type, oid_, array_oid) [PG_##type] = {oid_}, [PG_##type##S] = {array_oid},
	PG_TYPE_MAP(X)
#undef X
};

uint32_t pg_type_oid(enum pg_type t)
{
	assert(t < PG_TYPES);
	return types[t].oid;
}

enum pg_type pg_type_element(enum pg_type array)
{
	assert(pg_type_is_array(array));
	return (enum pg_type)(array - 1);
}

/* ---- arguments ------------------------------------------------------------------------------- */

void pg_args_init(struct pg_args *a, const struct stmt_def *def)
{
	assert(def->n_in <= PG_ARGS_MAX);
	*a = (struct pg_args){.def = def};
}

void pg_args_free(struct pg_args *a)
{
	free(a->data);
	a->data = NULL;
}

static void put(struct pg_args *a, const void *p, size_t n)
{
	if (a->cap - a->size < n) {
		a->cap = a->size + n + (a->size + n) / 2 + 64;
		a->data = xreallocarray(a->data, a->cap, 1);
	}
	memcpy(a->data + a->size, p, n);
	a->size += n;
}

static void put_i32(struct pg_args *a, int32_t v)
{
	uint32_t be = htobe32((uint32_t)v);
	put(a, &be, sizeof be);
}

static void put_i64(struct pg_args *a, int64_t v)
{
	uint64_t be = htobe64((uint64_t)v);
	put(a, &be, sizeof be);
}

static void put_double(struct pg_args *a, double v)
{
	int64_t bits;
	memcpy(&bits, &v, sizeof bits);
	put_i64(a, bits);
}

/* The type that the next argument, or the next element of the array under way, must have. */
static enum pg_type next_type(const struct pg_args *a)
{
	if (a->elements_left > 0)
		return pg_type_element(a->def->in[a->n - 1].type);
	assert(a->n < a->def->n_in && "more arguments than the statement has");
	return a->def->in[a->n].type;
}

/* Ends the argument that began at `from`. */
static void end_scalar(struct pg_args *a, size_t from)
{
	assert(a->elements_left == 0);
	a->offset[a->n] = from;
	a->length[a->n++] = (int)(a->size - from);
}

/* An element is its length and its bytes; the argument that holds it grows. */
static void end_element(struct pg_args *a)
{
	assert(a->elements_left > 0);
	a->elements_left--;
	a->length[a->n - 1] = (int)(a->size - a->offset[a->n - 1]);
}

void pg_null(struct pg_args *a)
{
	assert(a->elements_left == 0 && a->n < a->def->n_in);
	a->offset[a->n] = a->size;
	a->length[a->n++] = -1;
}

static void put_integer(struct pg_args *a, enum pg_type t, int64_t v, bool with_length)
{
	assert(t == PG_INT || t == PG_BIGINT);
	assert(t == PG_BIGINT || (v >= INT32_MIN && v <= INT32_MAX));
	if (with_length)
		put_i32(a, t == PG_INT ? 4 : 8);
	if (t == PG_INT)
		put_i32(a, (int32_t)v);
	else
		put_i64(a, v);
}

void pg_int(struct pg_args *a, int64_t v)
{
	size_t from = a->size;
	put_integer(a, next_type(a), v, false);
	end_scalar(a, from);
}

void pg_double(struct pg_args *a, double v)
{
	assert(next_type(a) == PG_DOUBLE);
	size_t from = a->size;
	put_double(a, v);
	end_scalar(a, from);
}

void pg_bool(struct pg_args *a, bool v)
{
	assert(next_type(a) == PG_BOOL);
	size_t from = a->size;
	put(a, &(char){v}, 1);
	end_scalar(a, from);
}

static bool is_text(enum pg_type t)
{
	return t == PG_TEXT || t == PG_JSON || t == PG_JSONB;
}

/* jsonb travels as a version byte and the text. */
static void put_text(struct pg_args *a, enum pg_type t, const char *v, size_t n)
{
	if (t == PG_JSONB)
		put(a, &(char){1}, 1);
	put(a, v, n);
}

void pg_text(struct pg_args *a, const char *v)
{
	enum pg_type t = next_type(a);
	assert(is_text(t));
	if (!v) {
		pg_null(a);
		return;
	}
	size_t from = a->size;
	put_text(a, t, v, strlen(v));
	end_scalar(a, from);
}

void pg_time(struct pg_args *a, int64_t unix_us)
{
	assert(next_type(a) == PG_TIMESTAMPTZ);
	if (unix_us == 0) {
		pg_null(a);
		return;
	}
	size_t from = a->size;
	put_i64(a, unix_us - EPOCH_US);
	end_scalar(a, from);
}

void pg_array(struct pg_args *a, size_t n)
{
	enum pg_type t = next_type(a);
	assert(a->elements_left == 0 && pg_type_is_array(t) && n <= INT32_MAX);
	size_t from = a->size;
	put_i32(a, n > 0 ? 1 : 0); /* dimensions; an empty array has none */
	put_i32(a, 1);             /* there may be nulls                  */
	put_i32(a, (int32_t)pg_type_oid(pg_type_element(t)));
	if (n > 0) {
		put_i32(a, (int32_t)n);
		put_i32(a, 1); /* the first index                     */
	}
	end_scalar(a, from);
	a->elements_left = n;
}

void pg_int_element(struct pg_args *a, int64_t v)
{
	put_integer(a, next_type(a), v, true);
	end_element(a);
}

void pg_int_element_or_null(struct pg_args *a, int64_t v, bool null)
{
	if (!null) {
		pg_int_element(a, v);
		return;
	}
	put_i32(a, -1);
	end_element(a);
}

void pg_double_element(struct pg_args *a, double v)
{
	assert(next_type(a) == PG_DOUBLE);
	put_i32(a, 8);
	put_double(a, v);
	end_element(a);
}

void pg_bool_element(struct pg_args *a, bool v)
{
	assert(next_type(a) == PG_BOOL);
	put_i32(a, 1);
	put(a, &(char){v}, 1);
	end_element(a);
}

void pg_text_element(struct pg_args *a, const char *v)
{
	enum pg_type t = next_type(a);
	assert(is_text(t));
	if (v) {
		size_t n = strlen(v);
		put_i32(a, (int32_t)(n + (t == PG_JSONB)));
		put_text(a, t, v, n);
	} else {
		put_i32(a, -1);
	}
	end_element(a);
}

void pg_time_element(struct pg_args *a, int64_t unix_us)
{
	assert(next_type(a) == PG_TIMESTAMPTZ);
	put_i32(a, 8);
	put_i64(a, unix_us - EPOCH_US);
	end_element(a);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int32_t get_i32(const char *p)
{
	uint32_t be;
	memcpy(&be, p, sizeof be);
	return (int32_t)be32toh(be);
}

static int64_t get_i64(const char *p)
{
	uint64_t be;
	memcpy(&be, p, sizeof be);
	return (int64_t)be64toh(be);
}

static double get_double(const char *p)
{
	int64_t bits = get_i64(p);
	double v;
	memcpy(&v, &bits, sizeof v);
	return v;
}

/* One-dimensional, as the array functions of SQL make them. */
static struct store_doubles get_doubles(const char *p, struct arena *a)
{
	struct store_doubles d = {0};
	if (get_i32(p) != 1)
		return d;
	d.n = (size_t)get_i32(p + 12);
	double *v = ARENA_NEW_N(a, double, d.n);
	bool *null = ARENA_NEW_N(a, bool, d.n);
	p += 20;
	for (size_t i = 0; i < d.n; i++) {
		null[i] = get_i32(p) < 0;
		v[i] = null[i] ? NAN : get_double(p + 4);
		p += null[i] ? 4 : 12;
	}
	d.v = v;
	d.null = null;
	return d;
}

static int name_index(const char *const *names, const char *s)
{
	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], s) == 0)
			return i;
	}
	assert(!"the SQL returned a word that its C enum does not have");
	return 0;
}

static void decode_null(const struct row_field *f, void *to)
{
	switch (f->kind) {
	case ROW_INT_OR_NONE:
		*(int *)to = STORE_NO_INT;
		break;
	case ROW_STEP:
		*(int64_t *)to = -1;
		break;
	case ROW_DOUBLE:
		*(double *)to = NAN;
		break;
	case ROW_BOOL:
	case ROW_INT:
	case ROW_BIGINT:
	case ROW_TEXT:
	case ROW_TIME:
	case ROW_DOUBLES:
	case ROW_NAME:
		break;
	}
}

static void decode_value(
	const struct row_field *f, Oid type, const char *p, size_t n, void *to, struct arena *a)
{
	switch (f->kind) {
	case ROW_BOOL:
		*(bool *)to = *p != 0;
		break;
	case ROW_INT:
	case ROW_INT_OR_NONE:
		assert(n == 4);
		*(int *)to = get_i32(p);
		break;
	case ROW_BIGINT:
	case ROW_STEP:
		assert(n == 8);
		*(int64_t *)to = get_i64(p);
		break;
	case ROW_DOUBLE:
		assert(n == 8);
		*(double *)to = get_double(p);
		break;
	case ROW_TEXT: {
		size_t skip = type == types[PG_JSONB].oid ? 1 : 0;
		*(const char **)to = arena_strndup(a, p + skip, n - skip);
		break;
	}
	case ROW_TIME:
		assert(n == 8);
		*(int64_t *)to = get_i64(p) + EPOCH_US;
		break;
	case ROW_DOUBLES:
		*(struct store_doubles *)to = get_doubles(p, a);
		break;
	case ROW_NAME:
		*(int *)to = name_index(f->names(), p);
		break;
	}
}

static const struct row_field *find_field(const struct row_shape *shape, const char *column)
{
	for (; shape; shape = shape->first) {
		for (size_t i = 0; i < shape->n; i++) {
			if (strcmp(shape->fields[i].column, column) == 0)
				return &shape->fields[i];
		}
	}
	assert(!"a statement returns a column that its struct has no member for");
	return NULL;
}

void *rows_decode(const PGresult *res, const struct row_shape *shape, struct arena *a)
{
	enum { COLUMNS_MAX = 80 };
	const struct row_field *fields[COLUMNS_MAX];
	int columns = PQnfields(res), rows = PQntuples(res);
	assert(columns <= COLUMNS_MAX);
	for (int c = 0; c < columns; c++)
		fields[c] = find_field(shape, PQfname(res, c));

	char *items = arena_calloc(a, (size_t)rows, shape->size);
	for (int r = 0; r < rows; r++) {
		for (int c = 0; c < columns; c++) {
			void *to = items + (size_t)r * shape->size + fields[c]->offset;
			if (PQgetisnull(res, r, c))
				decode_null(fields[c], to);
			else
				decode_value(
					fields[c], PQftype(res, c), PQgetvalue(res, r, c), (size_t)PQgetlength(res, r, c), to, a);
		}
	}
	return items;
}
