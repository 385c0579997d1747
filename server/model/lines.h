/*
 * Metrics out of what a program prints: the one parser behind the stdout, file and pod-log
 * collectors and behind text/plain reports.
 *
 * Text: Katib's default pattern `([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)`, scanned by hand and
 * with its quirks mended: nan and inf are values, an empty value is none, names may hold . and /
 * and drop the bars of a table, colours are skipped, and a carriage return ends a line, as the
 * progress bars of terminals mean it. Patterns of the user's (lib/regex.h) find the name in their
 * first group and the value in the second. A line may begin with an RFC 3339 time, which becomes
 * the points' time; `step=`, or else `global_step=` or `epoch=`, anywhere on
 * it gives their step.
 *
 * JSON: one object a line; "step", "global_step" or "epoch", and "timestamp" or "time" (RFC 3339, or Unix seconds),
 * are what they say, every other number or numeric string is a point.
 *
 * A line never fails: what is not a metric is not a metric.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "server/model/metrics_in.h"
#include "server/model/spec.h"

struct line_parser;

enum {
	LINES_LINE_MAX = 64 * 1024,     /* longer lines are cut by the caller; the rest is ignored       */
	LINES_PATTERN_LINE_MAX = 8192,  /* how much of a line the user's patterns look at                */
};

/* Why a pattern is refused: false and a sentence in *e. */
bool line_pattern_check(const char *pattern, struct err *e) MUSTCHECK;

/* Patterns must have passed line_pattern_check(). `wanted` lists the metrics to keep; NULL keeps all
 * whose name is one (observe.h), but no step. Borrows nothing. */
struct line_parser *line_parser_new(enum lines_format format, const char *const *patterns, size_t n_patterns,
	const char *const *wanted, size_t n_wanted);
void line_parser_free(struct line_parser *p);

/* One line without its newline. The point and its name are valid during the call only. */
typedef void line_point_fn(void *ctx, const struct metric_point *point);
/* Returns the number of points found. */
size_t line_parse(struct line_parser *p, const char *line, size_t n, line_point_fn *fn, void *ctx);
/* The same without a parser: every metric of a line of text. Escape sequences are not looked for. */
size_t line_parse_text(const char *line, size_t n, line_point_fn *fn, void *ctx);
