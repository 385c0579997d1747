/*
 * The points file of a run: metrics as the supervisor found them, one a line, never changed once
 * written. Because every line is complete in itself, reading may begin again at any line and gives
 * the same points.
 *
 *     o 1795341603120000 3 0.412 loss        source, wall µs, step, value, metric (to the newline)
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"
#include "lib/strbuf.h"
#include "trial-runner/backend.h"

enum { POINT_LINE_MAX = 1024 };

/* Adds the line; a metric name with a newline in it or too long for a line is left out. */
void point_encode(struct strbuf *out, enum run_source source, const struct run_point *point);
/* One line without its newline. The name stays in the line, which gets a NUL after it. */
bool point_decode(char *line, size_t n, enum run_source *source, struct run_point *out) MUSTCHECK;
