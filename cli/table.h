/*
 * Aligned columns as kubectl prints them: no lines, no spaces inside a heading, an empty cell is
 * "-". Cells are copied into the arena; widths count characters, not bytes.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct arena;
struct strbuf;

enum { TABLE_COLUMNS_MAX = 64 };

struct table {
	struct arena *arena;
	const char *head[TABLE_COLUMNS_MAX];
	size_t n_columns;
	const char **cells;             /* row after row */
	size_t n_cells, cap;
};

void table_init(struct table *t, struct arena *a);
void table_column(struct table *t, const char *heading);        /* before the first cell         */
void table_cell(struct table *t, const char *text);             /* NULL or "" shows as "-"       */
/* Columns without any value are left out when hide_empty; heading can be suppressed. */
void table_print(const struct table *t, struct strbuf *out, bool heading, bool hide_empty);
/* Characters that a UTF-8 text takes on a terminal, each counted as one. */
size_t text_width(const char *text);
void table_csv(const struct table *t, struct strbuf *out);      /* RFC 4180; an empty cell is empty */
