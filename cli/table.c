#include "cli/table.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/strbuf.h"

enum { GAP = 3 };

void table_init(struct table *t, struct arena *a)
{
	*t = (struct table){.arena = a};
}

void table_column(struct table *t, const char *heading)
{
	assert(t->n_cells == 0);
	assert(t->n_columns < TABLE_COLUMNS_MAX);
	t->head[t->n_columns++] = arena_strdup(t->arena, heading);
}

void table_cell(struct table *t, const char *text)
{
	if (t->n_cells == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		const char **cells = arena_alloc(t->arena, cap * sizeof *cells);

		if (t->n_cells)
			memcpy(cells, t->cells, t->n_cells * sizeof *cells);
		t->cells = cells;
		t->cap = cap;
	}
	t->cells[t->n_cells++] = text && *text ? arena_strdup(t->arena, text) : NULL;
}

size_t text_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static size_t column_width(const struct table *t, size_t column, bool heading)
{
	size_t width = heading ? text_width(t->head[column]) : 1;

	for (size_t i = column; i < t->n_cells; i += t->n_columns) {
		size_t n = t->cells[i] ? text_width(t->cells[i]) : 1;

		width = n > width ? n : width;
	}
	return width;
}

static bool column_empty(const struct table *t, size_t column)
{
	for (size_t i = column; i < t->n_cells; i += t->n_columns)
		if (t->cells[i])
			return false;
	return true;
}

/* A row: cells padded to their columns, but no blanks at the end of the line. */
static void add_row(const struct table *t, const char *const *cells, const size_t *widths, struct strbuf *out)
{
	size_t pending = 0;

	for (size_t i = 0; i < t->n_columns; i++) {
		const char *text = cells[i] ? cells[i] : "-";

		if (!widths[i])
			continue;
		strbuf_printf(out, "%*s%s", (int)pending, "", text);
		pending = widths[i] - text_width(text) + GAP;
	}
	strbuf_putc(out, '\n');
}

void table_print(const struct table *t, struct strbuf *out, bool heading, bool hide_empty)
{
	size_t widths[TABLE_COLUMNS_MAX];

	assert(t->n_columns && t->n_cells % t->n_columns == 0);
	for (size_t i = 0; i < t->n_columns; i++)
		widths[i] = hide_empty && column_empty(t, i) ? 0 : column_width(t, i, heading);
	if (heading)
		add_row(t, t->head, widths, out);
	for (size_t i = 0; i < t->n_cells; i += t->n_columns)
		add_row(t, t->cells + i, widths, out);
}

static void add_csv(struct strbuf *out, const char *text)
{
	bool plain = !text || !text[strcspn(text, ",\"\r\n")];

	if (!plain)
		strbuf_putc(out, '"');
	for (const char *p = text ? text : ""; *p; p++) {
		if (*p == '"')
			strbuf_putc(out, '"');
		strbuf_putc(out, *p);
	}
	if (!plain)
		strbuf_putc(out, '"');
}

void table_csv(const struct table *t, struct strbuf *out)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		strbuf_puts(out, i ? "," : "");
		add_csv(out, t->head[i]);
	}
	for (size_t i = 0; i < t->n_cells; i++) {
		strbuf_puts(out, i % t->n_columns ? "," : "\r\n");
		add_csv(out, t->cells[i]);
	}
	strbuf_puts(out, "\r\n");
}
