#include "trial-runner/collector.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/utf8.h"
#include "server/model/lines.h"
#include "server/model/observe.h"

enum {
	COUNTERS = 64,                  /* hash buckets                            */
	COUNTERS_MAX = 10000,           /* metric names; more are not a program's intention */
	LAST_MAX = 300,
	SPOOL_LINE_MAX = 4096,
};

/* How many points of a metric had no step of their own. */
struct counter {
	SLIST_ENTRY(counter) link;
	int64_t next;
	char name[];
};
SLIST_HEAD(counter_list, counter);

struct metric_collector {
	struct line_parser *parser;     /* NULL: only remember the last line */
	collector_fn *fn;
	void *ctx;
	int64_t now_us;
	struct counter_list counters[COUNTERS];
	size_t n_counters;
	char last[LAST_MAX + 1];
	size_t n_line;
	char line[LINES_LINE_MAX];
};

static size_t list_len(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

struct metric_collector *collector_new(const struct run_metrics *m, collector_fn *fn, void *ctx)
{
	struct metric_collector *c = xmalloc(sizeof *c);

	memset(c, 0, offsetof(struct metric_collector, line));
	c->fn = fn;
	c->ctx = ctx;
	if (m->collector != RUN_COLLECT_NONE) {
		enum lines_format format = m->json_lines ? LINES_JSON : LINES_TEXT;
		size_t n_wanted = list_len(m->wanted);

		c->parser = line_parser_new(format, m->patterns, list_len(m->patterns), n_wanted ? m->wanted : NULL, n_wanted);
	}
	return c;
}

void collector_free(struct metric_collector *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < COUNTERS; i++) {
		while (!SLIST_EMPTY(&c->counters[i])) {
			struct counter *k = SLIST_FIRST(&c->counters[i]);

			SLIST_REMOVE_HEAD(&c->counters[i], link);
			free(k);
		}
	}
	line_parser_free(c->parser);
	free(c);
}

/* The place of this point in its metric's line count; -1 when there are too many metrics. */
static int64_t count(struct metric_collector *c, const char *name)
{
	struct counter_list *list;
	struct counter *k;
	uint32_t h = 2166136261u;
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	list = &c->counters[h % COUNTERS];
	SLIST_FOREACH(k, list, link) {
		if (strcmp(k->name, name) == 0)
			return k->next++;
	}
	if (c->n_counters == COUNTERS_MAX)
		return -1;
	c->n_counters++;
	k = xmalloc(sizeof *k + n + 1);
	k->next = 1;
	memcpy(k->name, name, n + 1);
	SLIST_INSERT_HEAD(list, k, link);
	return 0;
}

static void on_point(void *ctx, const struct metric_point *m)
{
	struct metric_collector *c = ctx;

	assert(m->metric && *m->metric);
	struct run_point p = {
		.metric = m->metric,
		.step = m->has_step ? m->step : count(c, m->metric),
		.value = m->value,
		.time_us = m->time_us ? m->time_us : c->now_us,
	};
	if (m->has_step || p.step >= 0)
		c->fn(c->ctx, &p);
}

static void remember(struct metric_collector *c)
{
	size_t n = c->n_line, from = 0;

	while (n > 0 && strchr(" \t\r", c->line[n - 1]))
		n--;
	while (from < n && strchr(" \t", c->line[from]))
		from++;
	if (from == n)
		return;
	n = n - from > LAST_MAX ? LAST_MAX : n - from;
	n = utf8_check(c->line + from, n);
	assert(n <= LAST_MAX);
	memcpy(c->last, c->line + from, n);
	c->last[n] = '\0';
}

static void end_line(struct metric_collector *c)
{
	if (c->n_line) {
		remember(c);
		if (c->parser)
			line_parse(c->parser, c->line, c->n_line, on_point, c);
	}
	c->n_line = 0;
}

static const char *find_end(const char *p, const char *end)
{
	while (p < end && *p != '\n' && *p != '\r')
		p++;
	return p;
}

void collector_feed(struct metric_collector *c, const char *data, size_t n, int64_t wall_us)
{
	const char *end = data + n;

	assert(wall_us > 0);
	c->now_us = wall_us;
	while (data < end) {
		const char *stop = find_end(data, end);
		size_t room = sizeof c->line - c->n_line, take = (size_t)(stop - data);

		assert(c->n_line <= sizeof c->line);
		if (take > room)
			take = room;
		memcpy(c->line + c->n_line, data, take);
		c->n_line += take;
		if (stop < end)
			end_line(c);
		data = stop + 1;
	}
}

void collector_end(struct metric_collector *c, int64_t wall_us)
{
	c->now_us = wall_us;
	end_line(c);
}

const char *collector_last_line(const struct metric_collector *c)
{
	return c->last;
}

static int64_t spool_time(const cJSON *v, int64_t dflt)
{
	double seconds;
	int64_t us;

	if (json_num(v, &seconds) && fabs(seconds) < 1e12)
		return (int64_t)(seconds * 1e6);
	return json_str(v) && clk_parse_time(json_str(v), &us) ? us : dflt;
}

static bool spool_line(struct metric_collector *c, const char *line, size_t n, struct arena *a)
{
	const cJSON *doc = json_parse(line, n, SPOOL_LINE_MAX, a, NULL);
	struct metric_point m = {.metric = json_str(json_get(doc, "metric"))};

	if (!m.metric || !metric_name_valid(m.metric, strlen(m.metric)) || !json_num_lax(json_get(doc, "value"), &m.value))
		return false;
	m.has_step = json_int(json_get(doc, "step"), &m.step);
	m.time_us = spool_time(json_get(doc, "time"), c->now_us);
	on_point(c, &m);
	return true;
}

size_t collector_spool(struct metric_collector *c, const char *data, size_t n, int64_t wall_us)
{
	struct arena *a = arena_new();
	const char *end = data + n;
	size_t found = 0;

	c->now_us = wall_us;
	while (data < end) {
		const char *stop = memchr(data, '\n', (size_t)(end - data));

		stop = stop ? stop : end;
		found += spool_line(c, data, (size_t)(stop - data), a);
		arena_reset(a);
		data = stop + 1;
	}
	arena_free(a);
	return found;
}
