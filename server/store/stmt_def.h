/*
 * A statement of sql/queries: its text, and the types that it takes and returns. The table stmt_table[]
 * and its enum are generated (stmt.h); at connect the server's own description is compared with it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* X(type, oid, oid of its array) */
#define PG_TYPE_MAP(X)                     \
	X(BOOL,        16,   1000)             \
	X(INT,         23,   1007)             \
	X(BIGINT,      20,   1016)             \
	X(DOUBLE,      701,  1022)             \
	X(TEXT,        25,   1009)             \
	X(JSON,        114,  199)              \
	X(JSONB,       3802, 3807)             \
	X(TIMESTAMPTZ, 1184, 1185)

enum pg_type {
#define X(type, oid, array_oid) PG_##type, PG_##type##S,
	PG_TYPE_MAP(X)
#undef X
	PG_TYPES
};

uint32_t pg_type_oid(enum pg_type t);
enum pg_type pg_type_element(enum pg_type array);       /* PG_INTS -> PG_INT */
static inline bool pg_type_is_array(enum pg_type t) { return (unsigned)t % 2 == 1; }

struct stmt_column {
	const char *name;
	enum pg_type type;
};

struct stmt_def {
	const char *name, *text;
	const struct stmt_column *in, *out;
	unsigned n_in, n_out;
	bool repeatable;        /* may be sent again when its answer was lost */
};
