#include "lib/prom.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/attr.h"
#include "lib/mem.h"
#include "lib/num.h"
#include "lib/strbuf.h"

enum prom_kind { PROM_COUNTER, PROM_GAUGE, PROM_HISTOGRAM };
enum { SLOTS = 2 * PROM_SERIES_MAX }; /* of the hash table: never more than half full */

struct prom_series {
	struct prom_metric *metric;
	char *values[PROM_LABELS_MAX];
	uint32_t hash;
	double value;       /* histogram: the sum       */
	uint64_t count;     /* histogram                */
	uint64_t buckets[]; /* histogram: not cumulated */
};

struct prom_metric {
	enum prom_kind kind;
	const char *name, *help;
	const char *labels[PROM_LABELS_MAX];
	size_t n_labels;
	double bounds[PROM_BUCKETS_MAX];
	size_t n_bounds;
	struct prom_series **series; /* in the order of birth    */
	size_t n_series;
	uint16_t *slots; /* index + 1, linear probing */
	struct prom_metric *next;
};

struct collector {
	void (*fn)(void *ctx);
	void *ctx;
	struct collector *next;
};

struct prom {
	struct prom_metric *first, **end;
	struct collector *collectors;
};

static const double seconds_bounds[] = {
	0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

struct prom *prom_new(void)
{
	struct prom *r = xcalloc(1, sizeof *r);
	r->end = &r->first;
	return r;
}

static void metric_free(struct prom_metric *m)
{
	for (size_t i = 0; i < m->n_series; i++) {
		for (size_t l = 0; l < m->n_labels; l++)
			free(m->series[i]->values[l]);
		free(m->series[i]);
	}
	free(m->series);
	free(m->slots);
	free(m);
}

void prom_free(struct prom *r)
{
	if (!r)
		return;
	for (struct prom_metric *m = r->first, *next; m; m = next) {
		next = m->next;
		metric_free(m);
	}
	for (struct collector *c = r->collectors, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(r);
}

static struct prom_metric *metric_new(
	struct prom *r, enum prom_kind kind, const char *name, const char *help, const char *const *labels)
{
	for (const struct prom_metric *m = r->first; m; m = m->next)
		assert(strcmp(m->name, name) != 0 && "a metric is declared once");
	struct prom_metric *m = xcalloc(1, sizeof *m);
	m->kind = kind;
	m->name = name;
	m->help = help;
	for (; labels && labels[m->n_labels]; m->n_labels++) {
		assert(m->n_labels < PROM_LABELS_MAX);
		m->labels[m->n_labels] = labels[m->n_labels];
	}
	m->slots = xcalloc(SLOTS, sizeof *m->slots);
	*r->end = m;
	r->end = &m->next;
	return m;
}

struct prom_metric *prom_counter(
	struct prom *r, const char *name, const char *help, const char *const *labels)
{
	return metric_new(r, PROM_COUNTER, name, help, labels);
}

struct prom_metric *prom_gauge(struct prom *r, const char *name, const char *help, const char *const *labels)
{
	return metric_new(r, PROM_GAUGE, name, help, labels);
}

struct prom_metric *prom_histogram(struct prom *r, const char *name, const char *help,
	const char *const *labels, const double *bounds, size_t n)
{
	struct prom_metric *m = metric_new(r, PROM_HISTOGRAM, name, help, labels);
	if (!bounds) {
		bounds = seconds_bounds;
		n = ARRAY_LEN(seconds_bounds);
	}
	assert(n > 0 && n <= PROM_BUCKETS_MAX);
	for (size_t i = 0; i < n; i++) {
		assert(i == 0 || bounds[i] > bounds[i - 1]);
		m->bounds[i] = bounds[i];
	}
	m->n_bounds = n;
	return m;
}

void prom_on_collect(struct prom *r, void (*fn)(void *ctx), void *ctx)
{
	struct collector *c = xmalloc(sizeof *c);
	*c = (struct collector){fn, ctx, r->collectors};
	r->collectors = c;
}

/* --- series --------------------------------------------------------------------------------- */

/* FNV-1a over the values and their ends. */
static uint32_t hash_values(const char *const *values, size_t n)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < n; i++)
		for (const char *p = values[i];; p++) {
			h = (h ^ (unsigned char)*p) * 16777619u;
			if (!*p)
				break;
		}
	return h;
}

static bool same_values(const struct prom_series *s, const char *const *values)
{
	for (size_t i = 0; i < s->metric->n_labels; i++)
		if (strcmp(s->values[i], values[i]) != 0)
			return false;
	return true;
}

static struct prom_series *series_new(struct prom_metric *m, const char *const *values, uint32_t hash)
{
	struct prom_series *s = xcalloc(1, sizeof *s + (m->n_bounds + 1) * sizeof s->buckets[0]);
	s->metric = m;
	s->hash = hash;
	for (size_t i = 0; i < m->n_labels; i++)
		s->values[i] = xstrdup(values[i]);
	m->series = xreallocarray(m->series, m->n_series + 1, sizeof(struct prom_series *));
	m->series[m->n_series++] = s;
	return s;
}

struct prom_series *prom_series(struct prom_metric *m, const char *const *values)
{
	static const char *const other[PROM_LABELS_MAX] = {"other", "other", "other", "other"};
	assert((values != NULL) == (m->n_labels > 0));
	uint32_t hash = hash_values(values, m->n_labels);
	size_t at = hash % SLOTS;
	for (; m->slots[at]; at = (at + 1) % SLOTS) {
		struct prom_series *s = m->series[m->slots[at] - 1];
		if (s->hash == hash && same_values(s, values))
			return s;
	}
	/* The last place is kept for what does not fit. */
	if (m->n_series == PROM_SERIES_MAX - 1 && !(m->n_labels && values[0] == other[0]))
		return prom_series(m, other);
	if (m->n_series == PROM_SERIES_MAX)
		return m->series[PROM_SERIES_MAX - 1];
	struct prom_series *s = series_new(m, values, hash);
	m->slots[at] = (uint16_t)m->n_series;
	return s;
}

void prom_add(struct prom_series *s, double v)
{
	assert(s->metric->kind != PROM_HISTOGRAM);
	assert(s->metric->kind == PROM_GAUGE || v >= 0);
	s->value += v;
}

void prom_set(struct prom_series *s, double v)
{
	assert(s->metric->kind != PROM_HISTOGRAM);
	s->value = v;
}

void prom_observe(struct prom_series *s, double v)
{
	const struct prom_metric *m = s->metric;
	assert(m->kind == PROM_HISTOGRAM);
	size_t i = 0;
	while (i < m->n_bounds && !(v <= m->bounds[i]))
		i++;
	s->buckets[i]++;
	s->count++;
	s->value += v;
}

double prom_value(const struct prom_series *s)
{
	return s->metric->kind == PROM_HISTOGRAM ? (double)s->count : s->value;
}

/* --- text ----------------------------------------------------------------------------------- */

static void write_number(struct strbuf *out, double v)
{
	char text[NUM_MAX];
	if (isinf(v)) {
		strbuf_puts(out, v > 0 ? "+Inf" : "-Inf");
		return;
	}
	num_format(text, v);
	strbuf_puts(out, text);
}

static void write_label(struct strbuf *out, bool *any, const char *name, const char *value)
{
	strbuf_putc(out, *any ? ',' : '{');
	*any = true;
	strbuf_puts(out, name);
	strbuf_puts(out, "=\"");
	for (; *value; value++) {
		if (*value == '\n') {
			strbuf_puts(out, "\\n");
			continue;
		}
		if (*value == '"' || *value == '\\')
			strbuf_putc(out, '\\');
		strbuf_putc(out, *value);
	}
	strbuf_putc(out, '"');
}

/* One line; `le` is a histogram's bound or NULL. */
static void write_sample(
	struct strbuf *out, const struct prom_series *s, const char *suffix, const double *le, double v)
{
	bool any = false;
	strbuf_puts(out, s->metric->name);
	strbuf_puts(out, suffix);
	for (size_t i = 0; i < s->metric->n_labels; i++)
		write_label(out, &any, s->metric->labels[i], s->values[i]);
	if (le) {
		char bound[NUM_MAX];
		num_format(bound, *le);
		write_label(out, &any, "le", isinf(*le) ? "+Inf" : bound);
	}
	if (any)
		strbuf_putc(out, '}');
	strbuf_putc(out, ' ');
	write_number(out, v);
	strbuf_putc(out, '\n');
}

static void write_histogram(struct strbuf *out, const struct prom_series *s)
{
	const struct prom_metric *m = s->metric;
	uint64_t sum = 0;
	for (size_t i = 0; i <= m->n_bounds; i++) {
		double bound = i < m->n_bounds ? m->bounds[i] : INFINITY;
		sum += s->buckets[i];
		write_sample(out, s, "_bucket", &bound, (double)sum);
	}
	write_sample(out, s, "_sum", NULL, s->value);
	write_sample(out, s, "_count", NULL, (double)s->count);
}

void prom_write(struct prom *r, struct strbuf *out)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};
	for (const struct collector *c = r->collectors; c; c = c->next)
		c->fn(c->ctx);
	for (const struct prom_metric *m = r->first; m; m = m->next) {
		strbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, kinds[m->kind]);
		for (size_t i = 0; i < m->n_series; i++) {
			if (m->kind == PROM_HISTOGRAM)
				write_histogram(out, m->series[i]);
			else
				write_sample(out, m->series[i], "", NULL, m->series[i]->value);
		}
	}
}
