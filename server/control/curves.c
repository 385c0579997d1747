#include "server/control/curves.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/mem.h"
#include "lib/strbuf.h"

enum { TEXT_MAX = 16 << 20 };

void curves_free(struct curves *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->items[i].metric);
	free(c->items);
	*c = (struct curves){0};
}

/* Where it is or belongs; no metric comes before all. */
static size_t place_of(const struct curves *c, int32_t number, const char *metric)
{
	size_t lo = 0, hi = c->n;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;
		const struct curve *v = &c->items[mid];
		if (v->number < number || (v->number == number && strcmp(v->metric, metric) < 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int64_t *curves_step(struct curves *c, int32_t number, const char *metric)
{
	const size_t i = place_of(c, number, metric);

	if (i < c->n && c->items[i].number == number && strcmp(c->items[i].metric, metric) == 0)
		return &c->items[i].step;
	if (c->n == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 16;
		c->items = xreallocarray(c->items, c->cap, sizeof *c->items);
	}
	memmove(c->items + i + 1, c->items + i, (c->n - i) * sizeof *c->items);
	c->n++;
	c->items[i] = (struct curve){.number = number, .metric = xstrdup(metric)};
	return &c->items[i].step;
}

void curves_forget(struct curves *c, int32_t number)
{
	const size_t from = place_of(c, number, "");
	size_t to = from;

	for (; to < c->n && c->items[to].number == number; to++)
		free(c->items[to].metric);
	if (to == from)
		return;
	memmove(c->items + from, c->items + to, (c->n - to) * sizeof *c->items);
	c->n -= to - from;
}

const char *curves_json(const struct curves *c, struct arena *a)
{
	struct json_writer w;
	struct strbuf b;
	char number[16];

	strbuf_init(&b, TEXT_MAX);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	for (size_t i = 0; i < c->n; i++) {
		const struct curve *v = &c->items[i];
		if (i == 0 || v->number != v[-1].number) {
			snprintf(number, sizeof number, "%d", (int)v->number);
			jw_object(&w, number);
		}
		jw_int(&w, v->metric, v->step);
		if (i + 1 == c->n || v->number != v[1].number)
			jw_end(&w);
	}
	jw_end(&w);
	const char *text = b.failed ? "{}" : arena_strdup(a, b.data);
	strbuf_free(&b);
	return text;
}
