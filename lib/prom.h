/*
 * Metrics in Prometheus text format 0.0.4: counters, gauges and histograms with labels.
 *
 *     struct prom_metric *m = prom_counter(r, "trimtab_trials_finished_total", "Trials that ended",
 *         (const char *const[]){"outcome", NULL});
 *     prom_add(prom_series(m, (const char *const[]){"succeeded"}), 1);
 *
 * One thread (the loop's) writes and reads. A metric keeps at most PROM_SERIES_MAX label
 * combinations; later ones fall into one whose values are all "other", so that no input can grow
 * memory without bound. A series lives as long as the registry: keep the pointer on hot paths.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct prom;
struct prom_metric;
struct prom_series;
struct strbuf;

enum { PROM_LABELS_MAX = 4, PROM_SERIES_MAX = 512, PROM_BUCKETS_MAX = 20 };

struct prom *prom_new(void);
void prom_free(struct prom *r);

/* labels: names, NULL-ended; NULL itself means none. All strings are static. */
struct prom_metric *prom_counter(struct prom *r, const char *name, const char *help, const char *const *labels);
struct prom_metric *prom_gauge(struct prom *r, const char *name, const char *help, const char *const *labels);
/* bounds: rising upper bounds, +Inf is added. NULL: 0.5 ms .. 10 s for durations in seconds. */
struct prom_metric *prom_histogram(struct prom *r, const char *name, const char *help,
	const char *const *labels, const double *bounds, size_t n);

/* One value per label, copied; NULL when the metric has no labels. */
struct prom_series *prom_series(struct prom_metric *m, const char *const *values);

void prom_add(struct prom_series *s, double v);         /* counter (v >= 0), gauge                */
void prom_set(struct prom_series *s, double v);         /* gauge, or a counter kept elsewhere     */
void prom_observe(struct prom_series *s, double v);     /* histogram                              */
double prom_value(const struct prom_series *s);         /* counter, gauge; histogram: the count   */

/* Called before each prom_write(): sets gauges that are only known when asked. */
void prom_on_collect(struct prom *r, void (*fn)(void *ctx), void *ctx);
void prom_write(struct prom *r, struct strbuf *out);
