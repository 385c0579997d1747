/* CSV in, RFC 4180: quoted fields, doubled quotes, CRLF or LF; blank lines are skipped. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"
#include "lib/err.h"

struct arena;

struct csv {
	struct arena *arena;
	const char *p, *end;
	size_t line;                    /* of the row read last, from 1 */
	size_t next_line;
};

void csv_init(struct csv *c, const char *text, size_t n, struct arena *a);
/* The next row. False at the end (e->code stays ERR_OK) and for a quote that is not closed. */
bool csv_row(struct csv *c, const char *const **cells, size_t *n, struct err *e);
