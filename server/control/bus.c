/*
 * Who listens live: server-sent events of this replica.
 *
 * What this replica writes itself is told as soon as it is committed. Points are gathered per trial and
 * told once a second at most: a dashboard redraws, it does not count. Experiments that another replica
 * drives are looked at once a second while somebody listens to them.
 */
#include "server/control/internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json_write.h"
#include "lib/loop.h"
#include "lib/mem.h"

enum { MESSAGE_MAX = 64 << 10, POINTS_KEPT = 500, POINTS_PERIOD_MS = 1000 };

struct bus_subscription {
	TAILQ_ENTRY(bus_subscription) link;
	struct bus *bus;
	char *ns;                       /* owned; NULL = every */
	int64_t experiment;
	void (*fn)(void *ctx, const struct bus_message *m);
	void *ctx;
};

/* Points of one trial that wait to be told. */
struct curve {
	TAILQ_ENTRY(curve) link;
	int64_t experiment;
	int32_t number;
	struct arena *arena;
	struct metric_point points[POINTS_KEPT];
	size_t n;
};

struct bus {
	struct control *control;
	TAILQ_HEAD(, bus_subscription) subscriptions;
	TAILQ_HEAD(, curve) curves;
	struct loop_timer *timer;
	bool armed;
	struct bus_subscription *calling;       /* the next one to call: may go away meanwhile */
};

static void on_timer(void *ctx);

struct bus *bus_new(struct control *c)
{
	struct bus *b = xcalloc(1, sizeof *b);

	b->control = c;
	TAILQ_INIT(&b->subscriptions);
	TAILQ_INIT(&b->curves);
	b->timer = loop_timer_new(c->loop, on_timer, b);
	return b;
}

static void curve_free(struct bus *b, struct curve *curve)
{
	TAILQ_REMOVE(&b->curves, curve, link);
	arena_free(curve->arena);
	free(curve);
}

void bus_free(struct bus *b)
{
	while (!TAILQ_EMPTY(&b->curves))
		curve_free(b, TAILQ_FIRST(&b->curves));
	while (!TAILQ_EMPTY(&b->subscriptions))
		bus_unsubscribe(TAILQ_FIRST(&b->subscriptions));
	loop_timer_free(b->timer);
	free(b);
}

struct bus_subscription *bus_subscribe(struct control *c, const char *ns, int64_t experiment_id,
	void (*fn)(void *ctx, const struct bus_message *m), void *ctx)
{
	struct bus_subscription *s = xcalloc(1, sizeof *s);

	*s = (struct bus_subscription){.bus = c->bus, .ns = ns ? xstrdup(ns) : NULL, .experiment = experiment_id,
		.fn = fn, .ctx = ctx};
	TAILQ_INSERT_TAIL(&c->bus->subscriptions, s, link);
	return s;
}

void bus_unsubscribe(struct bus_subscription *s)
{
	if (s->bus->calling == s)
		s->bus->calling = TAILQ_NEXT(s, link);
	TAILQ_REMOVE(&s->bus->subscriptions, s, link);
	free(s->ns);
	free(s);
}

static bool hears(const struct bus_subscription *s, const char *ns, int64_t experiment)
{
	return (s->experiment == 0 || s->experiment == experiment) && (!s->ns || !ns || strcmp(s->ns, ns) == 0);
}

static bool anybody(const struct bus *b, const char *ns, int64_t experiment)
{
	const struct bus_subscription *s;

	TAILQ_FOREACH(s, &b->subscriptions, link)
		if (hears(s, ns, experiment))
			return true;
	return false;
}

static void publish(struct bus *b, const struct experiment *x, const char *kind, const struct strbuf *text)
{
	const struct bus_message m = {.kind = kind, .experiment_id = x->id, .ns = x->ns, .experiment = x->name,
		.data = text->data, .len = text->len};
	struct bus_subscription *s;

	if (text->failed)
		return;
	for (s = TAILQ_FIRST(&b->subscriptions); s; s = b->calling) {
		b->calling = TAILQ_NEXT(s, link);
		if (hears(s, x->ns, x->id))
			s->fn(s->ctx, &m);
	}
}

/* ---- trials and experiments -------------------------------------------------------------------- */

static void write_trial(struct json_writer *w, const struct experiment *x, const struct store_trial *row)
{
	jw_object(w, NULL);
	jw_str(w, "experiment", x->name);
	jw_int(w, "number", row->number);
	jw_int(w, "attempt", row->attempt);
	jw_str(w, "state", trial_state_name(row->state));
	jw_str(w, "reason", row->reason);
	if (row->vals.n > 0 && !(row->vals.null && row->vals.null[0]))
		jw_num(w, "value", row->vals.v[0]);
	jw_end(w);
}

static void tell_trial(struct control *c, struct experiment *x, const struct store_trial *row, const char *kind)
{
	struct json_writer w;
	struct strbuf b;

	strbuf_init(&b, MESSAGE_MAX);
	jw_init(&w, &b);
	write_trial(&w, x, row);
	publish(c->bus, x, kind, &b);
	strbuf_free(&b);
}

void bus_trial(struct control *c, struct experiment *x, const struct store_trial *row)
{
	if (!x->loaded || !anybody(c->bus, x->ns, x->id))
		return;
	tell_trial(c, x, row, "trial");
	if (x->best == row->number && row->state == TRIAL_SUCCEEDED)
		tell_trial(c, x, row, "best");
}

void bus_experiment(struct control *c, struct experiment *x)
{
	struct json_writer w;
	struct strbuf b;

	if (!anybody(c->bus, x->ns, x->id))
		return;
	strbuf_init(&b, MESSAGE_MAX);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "experiment", x->name);
	jw_str(&w, "state", experiment_state_name(x->state));
	jw_object(&w, "trials");
	for (int s = 0; s < TRIAL_STATES; s++)
		jw_int(&w, trial_state_name((enum trial_state)s), x->counts[s]);
	jw_end(&w);
	jw_end(&w);
	publish(c->bus, x, "experiment", &b);
	strbuf_free(&b);
}

/* ---- points ------------------------------------------------------------------------------------ */

static struct curve *curve_of(struct bus *b, int64_t experiment, int32_t number)
{
	struct curve *curve;

	TAILQ_FOREACH(curve, &b->curves, link)
		if (curve->experiment == experiment && curve->number == number)
			return curve;
	curve = xcalloc(1, sizeof *curve);
	curve->experiment = experiment;
	curve->number = number;
	curve->arena = arena_new();
	TAILQ_INSERT_TAIL(&b->curves, curve, link);
	return curve;
}

void bus_points(struct control *c, int64_t experiment, int32_t number, const struct metric_point *points,
	size_t n)
{
	struct bus *b = c->bus;
	struct curve *curve;

	if (TAILQ_EMPTY(&b->subscriptions) || !anybody(b, NULL, experiment))
		return;
	curve = curve_of(b, experiment, number);
	for (size_t i = 0; i < n && curve->n < POINTS_KEPT; i++) {
		curve->points[curve->n] = points[i];
		curve->points[curve->n++].metric = arena_strdup(curve->arena, points[i].metric);
	}
	if (!b->armed)
		loop_timer_after(b->timer, POINTS_PERIOD_MS * (CLK_SECOND / 1000));
	b->armed = true;
}

static void tell_metric(struct control *c, struct experiment *x, const struct curve *curve, const char *metric)
{
	struct json_writer w;
	struct strbuf b;

	strbuf_init(&b, MESSAGE_MAX);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "experiment", x->name);
	jw_int(&w, "number", curve->number);
	jw_str(&w, "metric", metric);
	jw_array(&w, "points");
	for (size_t i = 0; i < curve->n; i++) {
		if (strcmp(curve->points[i].metric, metric) != 0)
			continue;
		jw_array(&w, NULL);
		jw_int(&w, NULL, curve->points[i].step);
		jw_num(&w, NULL, curve->points[i].value);
		jw_end(&w);
	}
	jw_end(&w);
	jw_end(&w);
	publish(c->bus, x, "metrics", &b);
	strbuf_free(&b);
}

static void tell_curve(struct control *c, struct experiment *x, const struct curve *curve)
{
	for (size_t i = 0; i < curve->n; i++) {
		bool told = false;
		for (size_t j = 0; j < i && !told; j++)
			told = strcmp(curve->points[j].metric, curve->points[i].metric) == 0;
		if (!told)
			tell_metric(c, x, curve, curve->points[i].metric);
	}
}

static void on_timer(void *ctx)
{
	struct bus *b = ctx;
	struct curve *curve;

	b->armed = false;
	while ((curve = TAILQ_FIRST(&b->curves))) {
		struct experiment *x = control_experiment(b->control, curve->experiment);
		if (x && x->loaded)
			tell_curve(b->control, x, curve);
		curve_free(b, curve);
	}
}
