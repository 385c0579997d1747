#include "server/model/metrics_in.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json.h"
#include "server/model/lines.h"
#include "server/model/observe.h"

static const double step_max = 9007199254740992.0; /* 2^53 */

bool metrics_media_parse(const char *content_type, enum metrics_media *out)
{
	/* A form is what curl --data says when nobody told it better; its body shows what it is. */
	static const struct {
		const char *type;
		enum metrics_media media;
	} types[] = {{"application/json", METRICS_JSON}, {"application/x-ndjson", METRICS_NDJSON},
		{"application/ndjson", METRICS_NDJSON}, {"application/jsonl", METRICS_NDJSON},
		{"application/x-jsonlines", METRICS_NDJSON}, {"text/plain", METRICS_TEXT},
		{"application/x-www-form-urlencoded", METRICS_TEXT}};
	size_t n = content_type != NULL ? strcspn(content_type, "; \t") : 0;
	*out = METRICS_JSON;
	if (n == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strlen(types[i].type) == n && strncasecmp(types[i].type, content_type, n) == 0) {
			*out = types[i].media;
			return true;
		}
	}
	return false;
}

/* Points as they are found; there is room for METRICS_POINTS_MAX, more are only counted. */
struct batch {
	struct arena *a;
	struct problems *p;
	struct metric_point *points;
	size_t n, cap, total;
	struct metric_point surplus; /* takes what is only counted */
	int64_t dropped;
};

static struct metric_point *add_point(struct batch *b)
{
	b->total++;
	if (b->n == METRICS_POINTS_MAX)
		return &b->surplus;
	if (b->n == b->cap) {
		size_t cap = b->cap == 0 ? 16 : 2 * b->cap;
		struct metric_point *points = ARENA_NEW_N(b->a, struct metric_point, cap);
		if (b->n > 0)
			memcpy(points, b->points, b->n * sizeof *points);
		b->points = points;
		b->cap = cap;
	}
	return &b->points[b->n++];
}

/* ---- JSON -------------------------------------------------------------------------------------- */

/* Where in the document: written out only when there is something to complain about. */
struct place {
	const char *base; /* "" or "/2": the line of an NDJSON body */
	const char *list; /* "metrics" or NULL */
	size_t index;
};

static const char *place_text(const struct place *at, const char *field, struct problems *p)
{
	const char *pointer = at->base;
	if (at->list != NULL)
		pointer = problem_index(p, problem_path(p, pointer, at->list), at->index);
	return field != NULL ? problem_path(p, pointer, field) : pointer;
}

#define COMPLAIN(b, at, field, code, ...) \
	problem_add((b)->p, place_text(at, field, (b)->p), code, __VA_ARGS__)

static bool read_name(
	struct batch *b, const struct place *at, const char *field, const char *name, const char **out)
{
	if (!metric_name_valid(name, strlen(name)))
		return COMPLAIN(b, at, field, "bad-name",
			"'%.80s' is not a metric name: letters, digits and _ . / -, at most %d", name, METRIC_NAME_MAX);
	*out = name;
	return true;
}

static bool read_value(
	struct batch *b, const struct place *at, const char *field, const cJSON *v, double *out)
{
	return json_num_lax(v, out) ||
		COMPLAIN(b, at, field, "wrong-type",
			"expected a number, or \"NaN\", \"Infinity\" or \"-Infinity\"");
}

static bool read_step(struct batch *b, const struct place *at, const cJSON *v, struct metric_point *out)
{
	double step;
	if (!json_num_lax(v, &step) || !(step >= 0 && step <= step_max) || step != trunc(step))
		return COMPLAIN(b, at, "step", "wrong-type", "a step is an integer from 0 to 2^53");
	out->step = (int64_t)step;
	out->has_step = true;
	return true;
}

static bool read_time(struct batch *b, const struct place *at, const cJSON *v, struct metric_point *out)
{
	double seconds;
	if (json_str(v) != NULL && clk_parse_time(json_str(v), &out->time_us))
		return true;
	if (json_num(v, &seconds) && seconds >= 0 && seconds < 1e11) {
		out->time_us = llround(seconds * 1e6);
		return true;
	}
	return COMPLAIN(b, at, v->string, "wrong-type",
		"expected a time such as \"2026-11-22T10:00:03Z\" or seconds since 1970");
}

static bool is_time(const char *key)
{
	return strcmp(key, "time") == 0 || strcmp(key, "timestamp") == 0;
}

static void read_field(struct batch *b, const struct place *at, const cJSON *v, struct metric_point *out)
{
	static const char *const known[] = {"metric", "value", "step", "time", NULL};
	if (strcmp(v->string, "metric") == 0 && json_str(v) != NULL)
		read_name(b, at, "metric", json_str(v), &out->metric);
	else if (strcmp(v->string, "metric") == 0)
		COMPLAIN(b, at, "metric", "wrong-type", "expected a name");
	else if (strcmp(v->string, "value") == 0)
		read_value(b, at, "value", v, &out->value);
	else if (json_is_null(v) && (strcmp(v->string, "step") == 0 || is_time(v->string)))
		return; /* as good as absent */
	else if (strcmp(v->string, "step") == 0)
		read_step(b, at, v, out);
	else if (is_time(v->string))
		read_time(b, at, v, out);
	else
		problem_unknown(
			b->p, place_text(at, v->string, b->p), "unknown-field", "a known field", v->string, known);
}

/* {"metric": "loss", "value": 0.4, "step": 3, "time": "…"} */
static void read_point(struct batch *b, const struct place *at, const cJSON *point)
{
	struct metric_point *out = add_point(b);
	*out = (struct metric_point){0};
	if (!json_is_object(point)) {
		COMPLAIN(b, at, NULL, "wrong-type", "expected an object with metric and value");
		return;
	}
	bool has_metric = false, has_value = false;
	json_each (v, point) {
		has_metric |= strcmp(v->string, "metric") == 0;
		has_value |= strcmp(v->string, "value") == 0;
		read_field(b, at, v, out);
	}
	if (!has_metric)
		COMPLAIN(b, at, "metric", "missing", "a point needs the name of its metric");
	if (!has_value)
		COMPLAIN(b, at, "value", "missing", "a point needs a value");
}

static void read_list(struct batch *b, const char *base, const cJSON *list)
{
	struct place at = {base, "metrics", 0};
	if (!json_is_array(list)) {
		COMPLAIN(b, (&(struct place){base, NULL, 0}), "metrics", "wrong-type", "expected a list of points");
		return;
	}
	json_each (point, list) {
		read_point(b, &at, point);
		at.index++;
	}
}

static void read_dropped(struct batch *b, const struct place *at, const cJSON *v)
{
	int64_t dropped;
	if (json_int(v, &dropped) && dropped >= 0)
		b->dropped += dropped;
	else
		COMPLAIN(b, at, "dropped", "wrong-type", "expected the number of points that were lost");
}

/* {"metrics": […], "dropped": 0} */
static void read_batch(struct batch *b, const char *base, const cJSON *object)
{
	static const char *const known[] = {"metrics", "dropped", NULL};
	struct place at = {base, NULL, 0};
	json_each (v, object) {
		if (strcmp(v->string, "metrics") == 0)
			read_list(b, base, v);
		else if (strcmp(v->string, "dropped") == 0)
			read_dropped(b, &at, v);
		else
			problem_unknown(
				b->p, place_text(&at, v->string, b->p), "unknown-field", "a known field", v->string, known);
	}
}

/* {"loss": 0.4, "accuracy": 0.9, "step": 3} */
static void read_flat(struct batch *b, const char *base, const cJSON *object)
{
	struct place at = {base, NULL, 0};
	struct metric_point common = {0};
	json_each (v, object) {
		if (strcmp(v->string, "step") == 0)
			read_step(b, &at, v, &common);
		else if (is_time(v->string))
			read_time(b, &at, v, &common);
	}
	json_each (v, object) {
		if (strcmp(v->string, "step") == 0 || is_time(v->string))
			continue;
		struct metric_point *out = add_point(b);
		*out = common;
		if (read_name(b, &at, v->string, v->string, &out->metric))
			read_value(b, &at, v->string, v, &out->value);
	}
}

static void read_object(struct batch *b, const char *base, const cJSON *object)
{
	if (!json_is_object(object))
		problem_add(b->p, base, "wrong-type", "expected an object");
	else if (json_get(object, "metrics") != NULL)
		read_batch(b, base, object);
	else if (json_get(object, "metric") != NULL && json_get(object, "value") != NULL)
		read_point(b, &(struct place){base, NULL, 0}, object);
	else
		read_flat(b, base, object);
}

static bool decode_json(struct batch *b, const char *body, size_t n, struct err *e)
{
	const cJSON *tree = json_parse(body, n, METRICS_BODY_MAX, b->a, e);
	if (tree == NULL)
		return false;
	read_object(b, "", tree);
	return true;
}

/* ---- lines ------------------------------------------------------------------------------------- */

struct lines {
	struct batch *b;
	const char *s, *end;
	size_t number; /* of the line, from 0 */
};

static bool next_line(struct lines *l, const char **line, size_t *n)
{
	if (l->s >= l->end)
		return false;
	const char *newline = memchr(l->s, '\n', (size_t)(l->end - l->s));
	const char *stop = newline != NULL ? newline : l->end;
	*line = l->s;
	*n = (size_t)(stop - l->s);
	while (*n > 0 && ((*line)[*n - 1] == '\r' || (*line)[*n - 1] == ' '))
		--*n;
	l->s = stop + 1;
	l->number++;
	return true;
}

static bool decode_ndjson(struct batch *b, const char *body, size_t n, struct err *e)
{
	struct lines l = {b, body, body + n, 0};
	const char *line;
	size_t length;
	while (next_line(&l, &line, &length)) {
		if (length == 0)
			continue;
		struct err inner;
		const cJSON *tree = json_parse(line, length, 0, b->a, &inner);
		if (tree == NULL)
			return err_set(e, ERR_MALFORMED, "line %zu: %s", l.number, inner.detail);
		read_object(b, arena_printf(b->a, "/%zu", l.number - 1), tree);
	}
	return true;
}

static void text_point(void *ctx, const struct metric_point *point)
{
	struct batch *b = ctx;
	struct metric_point *out = add_point(b);
	*out = *point;
	out->metric = arena_strdup(b->a, point->metric);
}

static void decode_text(struct batch *b, const char *body, size_t n)
{
	struct lines l = {b, body, body + n, 0};
	const char *line;
	size_t length;
	while (next_line(&l, &line, &length)) {
		if (length > 0 && b->total <= METRICS_POINTS_MAX && line_parse_text(line, length, text_point, b) == 0)
			problem_add(b->p, arena_printf(b->a, "/%zu", l.number - 1), "no-metric",
				"there is no name=value on line %zu", l.number);
	}
}

/* ---- the body ---------------------------------------------------------------------------------- */

static enum metrics_media sniff(const char *body, size_t n, enum metrics_media media)
{
	size_t i = 0;
	while (i < n && (body[i] == ' ' || body[i] == '\n' || body[i] == '\r' || body[i] == '\t'))
		i++;
	return media == METRICS_TEXT && i < n && body[i] == '{' ? METRICS_JSON : media;
}

bool metrics_decode(const char *body, size_t n, enum metrics_media media, struct arena *a,
	struct metrics_batch *out, struct problems *p, struct err *e)
{
	struct batch b = {.a = a, .p = p};
	size_t before = p->total;
	if (n > METRICS_BODY_MAX)
		return err_set(e, ERR_TOO_LARGE, "the report has %zu bytes; at most %d are allowed: send it in parts",
			n, METRICS_BODY_MAX);
	switch (sniff(body, n, media)) {
	case METRICS_JSON:
		if (!decode_json(&b, body, n, e))
			return false;
		break;
	case METRICS_NDJSON:
		if (!decode_ndjson(&b, body, n, e))
			return false;
		break;
	case METRICS_TEXT:
		decode_text(&b, body, n);
		break;
	}
	if (b.total > METRICS_POINTS_MAX)
		return err_set(e, ERR_TOO_LARGE,
			"the report has %zu points; at most %d are allowed: send it in parts", b.total,
			METRICS_POINTS_MAX);
	if (p->total > before)
		return err_set(e, ERR_INVALID, "nothing was stored; %zu of its fields are wrong", p->total - before);
	*out = (struct metrics_batch){b.points, b.n, b.dropped};
	return true;
}
