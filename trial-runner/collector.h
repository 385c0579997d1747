/*
 * Metrics out of a stream of bytes: cuts it into lines, gives each to the model's line parser, and
 * numbers the points that name no step, per metric from 0. What it finds depends on the bytes
 * alone, not on how they arrive.
 *
 * A line ends with a newline or a carriage return (progress bars). Of a longer line only the first
 * LINES_LINE_MAX bytes are looked at, so memory is bounded whatever a program prints.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "trial-runner/backend.h"

struct metric_collector;

typedef void collector_fn(void *ctx, const struct run_point *point);

/* Without a collector in the settings it only remembers the last line. Points carry the time that was
 * given with their bytes, unless the line has its own. */
struct metric_collector *collector_new(const struct run_metrics *m, collector_fn *fn, void *ctx);
void collector_free(struct metric_collector *c);
void collector_feed(struct metric_collector *c, const char *data, size_t n, int64_t wall_us);
/* The stream is over: what has no newline is a line too. More may be fed (a file that was replaced). */
void collector_end(struct metric_collector *c, int64_t wall_us);
/* Left-over points that the program could not deliver: one JSON object a line with "metric",
 * "value", "step" and "time" (RFC 3339 or Unix seconds). Returns how many there were. */
size_t collector_spool(struct metric_collector *c, const char *data, size_t n, int64_t wall_us);
/* The last line with more than blanks, cut to 300 bytes, valid UTF-8; "" before there is one. */
const char *collector_last_line(const struct metric_collector *c);
