/*
 * A report as it arrives: the body of POST …/metrics in any of its forms becomes an array of points,
 * all or none.
 *
 *     {"metrics": [{"metric": "loss", "value": 0.4, "step": 3, "time": "…"}], "dropped": 0}
 *     {"loss": 0.4, "accuracy": "0.9", "step": 3}         one object; also one a line (NDJSON)
 *     loss=0.4 accuracy=0.9 step=3                        text/plain
 *
 * The points and their names live in the arena.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "lib/problems.h"

struct arena;

enum { METRICS_POINTS_MAX = 1000, METRICS_BODY_MAX = 1 << 20 };

struct metric_point {
	const char *metric;
	double value;
	int64_t step;                   /* with has_step; otherwise the server counts */
	int64_t time_us;                /* Unix; 0 = when it arrives */
	bool has_step;
};

struct metrics_batch {
	const struct metric_point *points;
	size_t n;
	int64_t dropped;                /* points that the client says it lost */
};

enum metrics_media { METRICS_JSON, METRICS_NDJSON, METRICS_TEXT };
/* The form of a Content-Type, with or without parameters; NULL means JSON. False: not one of ours. */
bool metrics_media_parse(const char *content_type, enum metrics_media *out);

/* False with *e set (malformed, too-large, or ERR_INVALID with the details in `p`). */
bool metrics_decode(const char *body, size_t n, enum metrics_media media, struct arena *a,
	struct metrics_batch *out, struct problems *p, struct err *e) MUSTCHECK;
