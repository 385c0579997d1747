/*
 * Metrics out of what a program prints: the one parser behind the stdout, file and pod-log
 * collectors and behind text/plain reports.
 *
 * Text: Katib's default pattern `([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)` scanned by hand,
 * with nan and inf read as what they are and empty values ignored, after an optional RFC 3339 time
 * at the start of the line. `step=` or `epoch=` on the line gives the step of its points. User patterns
 * are POSIX extended regular expressions with \w \d \s and (?:…) added; the first group is the name,
 * the second the value. JSON: one object a line, numbers or numeric strings,
 * "timestamp" as RFC 3339 or Unix seconds.
 *
 * A line never fails: what is not a metric is not a metric.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "server/model/metrics_in.h"
#include "server/model/spec.h"

struct line_parser;

enum { LINES_LINE_MAX = 64 * 1024 };    /* longer lines are cut by the caller; the rest is ignored */

/* Why a pattern is refused: false and a sentence in *e. */
bool line_pattern_check(const char *pattern, struct err *e) MUSTCHECK;

/* Patterns must have passed line_pattern_check(). `wanted` (NULL = all) lists the metrics to keep; a
 * name given there may contain any character that the pattern matches. Borrows nothing. */
struct line_parser *line_parser_new(enum lines_format format, const char *const *patterns, size_t n_patterns,
	const char *const *wanted, size_t n_wanted);
void line_parser_free(struct line_parser *p);

/* One line without its newline. The point and its name are valid during the call only. */
typedef void line_point_fn(void *ctx, const struct metric_point *point);
/* Returns the number of points found. */
size_t line_parse(struct line_parser *p, const char *line, size_t n, line_point_fn *fn, void *ctx);
