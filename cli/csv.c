#include "cli/csv.h"

#include <string.h>

#include "lib/arena.h"

void csv_init(struct csv *c, const char *text, size_t n, struct arena *a)
{
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* what spreadsheets put in front */
		text += 3;
		n -= 3;
	}
	*c = (struct csv){.arena = a, .p = text, .end = text + n, .next_line = 1};
}

/* One field; afterwards c->p is at the comma, the line's end or the text's. */
static bool field(struct csv *c, const char **out, struct err *e)
{
	char *text, *to;

	if (c->p == c->end || *c->p != '"') {
		const char *start = c->p;

		while (c->p < c->end && !strchr(",\r\n", *c->p))
			c->p++;
		*out = arena_strndup(c->arena, start, (size_t)(c->p - start));
		return true;
	}
	text = to = arena_alloc(c->arena, (size_t)(c->end - c->p));
	for (c->p++; c->p < c->end; c->p++) {
		if (*c->p == '"' && (c->p + 1 == c->end || c->p[1] != '"')) {
			c->p++;
			*to = '\0';
			*out = text;
			return true;
		}
		c->p += *c->p == '"';
		c->next_line += *c->p == '\n';
		*to++ = *c->p;
	}
	return err_set(e, ERR_INVALID, "line %zu: a quote is not closed", c->line);
}

static void skip_blank_lines(struct csv *c)
{
	for (; c->p < c->end && (*c->p == '\r' || *c->p == '\n'); c->p++)
		c->next_line += *c->p == '\n';
}

static size_t count_fields(const struct csv *c)
{
	const char *p = c->p;
	size_t n = 1;

	for (bool quoted = false; p < c->end && (quoted || *p != '\n'); p++) {
		quoted ^= *p == '"';
		n += !quoted && *p == ',';
	}
	return n;
}

bool csv_row(struct csv *c, const char *const **cells, size_t *n, struct err *e)
{
	const char **row;
	size_t max;

	skip_blank_lines(c);
	if (c->p == c->end)
		return false;
	c->line = c->next_line;
	max = count_fields(c);
	row = arena_alloc(c->arena, max * sizeof *row);
	for (*n = 0; *n < max; c->p++) {
		if (!field(c, &row[(*n)++], e))
			return false;
		if (c->p == c->end || *c->p != ',')
			break;
	}
	if (c->p < c->end && *c->p != '\r' && *c->p != '\n')
		return err_set(e, ERR_INVALID, "line %zu: text follows a closing quote", c->line);
	*cells = row;
	return true;
}
