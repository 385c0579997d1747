/*
 * What happens, for those who listen live: read from the database, whoever wrote it.
 *
 * While somebody listens, one statement a second looks at all experiments that are listened to; a
 * notification, and what this replica writes itself, brings the next look forward. Where the look finds a
 * higher change number, event or version, what is behind the one known is read and told: trials, then events,
 * then points. So every replica tells the same, an experiment may change its driver while it is watched, and
 * nothing is told that is not committed. Points are told once a second at most and each step once: a
 * dashboard redraws, it does not count.
 */
#include "server/control/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json_write.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "server/control/curves.h"
#include "server/store/store_event.h"
#include "server/store/store_live.h"

enum {
	LOOK_MS = 1000,
	SOON_MS = 20,     /* after a change that we know of                              */
	PAGE = 200,       /* trials and events at once                                  */
	POINTS_MAX = 500, /* of a metric in a second                                    */
	MESSAGE_MAX = 64 << 10,
	ENDED_MAX = 1000,
};

/* An experiment that is listened to. */
struct live {
	TAILQ_ENTRY(live) link;
	int64_t id;
	uint64_t birth;         /* no other has it: what is read for it finds it again, or nothing */
	char *ns, *name;        /* owned */
	struct store_live seen; /* by the last look; its strings are not kept                 */
	bool present;           /* the last look found it                                     */
	bool reading;           /* what changed is being read                                 */
	/* Told up to here. */
	int64_t change, event;
	int32_t change_number, best;
	struct curves curves; /* the steps that were told */
	bool curves_known;    /* else the next points are old ones                          */
	int ended[ENDED_MAX]; /* trials whose last points may be untold */
	size_t n_ended;
	int64_t points_at_us; /* when points were told last                                 */
};

struct live_feed {
	struct control *control;
	TAILQ_HEAD(, live) lives;
	struct loop_timer *timer;
	uint64_t looks, births;
	bool looking, soon;
};

/* A statement of ours under way. */
struct reading {
	struct control *control;
	struct arena *arena;
	uint64_t of; /* the look, or the birth of the experiment in memory */
};

static void look(void *ctx);

struct live_feed *live_new(struct control *c)
{
	struct live_feed *f = xcalloc(1, sizeof *f);

	f->control = c;
	TAILQ_INIT(&f->lives);
	f->timer = loop_timer_new(c->loop, look, c);
	return f;
}

static void live_remove(struct live_feed *f, struct live *l)
{
	TAILQ_REMOVE(&f->lives, l, link);
	curves_free(&l->curves);
	free(l->ns);
	free(l->name);
	free(l);
}

void live_free(struct live_feed *f)
{
	assert(TAILQ_EMPTY(&f->lives));
	loop_timer_free(f->timer);
	free(f);
}

void live_silence(struct control *c)
{
	while (!TAILQ_EMPTY(&c->live->lives))
		live_remove(c->live, TAILQ_FIRST(&c->live->lives));
}

static struct live *live_of(struct live_feed *f, int64_t id)
{
	struct live *l;

	TAILQ_FOREACH(l, &f->lives, link)
		if (l->id == id)
			return l;
	return NULL;
}

uint64_t live_looks(const struct control *c)
{
	return c->live->looks;
}

void live_kick(struct control *c)
{
	struct live_feed *f = c->live;

	if (f->soon || !bus_anybody(c))
		return;
	f->soon = true;
	if (!f->looking)
		loop_timer_after(f->timer, SOON_MS * (CLK_SECOND / 1000));
}

static struct reading *reading_new(struct control *c, uint64_t of)
{
	struct arena *a = arena_new();
	struct reading *r = ARENA_NEW(a, struct reading);

	*r = (struct reading){.control = c, .arena = a, .of = of};
	return r;
}

static struct live *live_read(const struct reading *r)
{
	struct live *l;

	TAILQ_FOREACH(l, &r->control->live->lives, link)
		if (l->birth == r->of)
			return l;
	return NULL;
}

/* ---- telling ----------------------------------------------------------------------------------- */

struct telling {
	struct control *control;
	const struct live *live;
	struct strbuf text;
	struct json_writer w;
};

static struct json_writer *tell_begin(struct telling *t, struct control *c, const struct live *l)
{
	t->control = c;
	t->live = l;
	strbuf_init(&t->text, MESSAGE_MAX);
	jw_init(&t->w, &t->text);
	jw_object(&t->w, NULL);
	jw_str(&t->w, "experiment", l->name);
	jw_str(&t->w, "namespace", l->ns);
	return &t->w;
}

static void tell_end(struct telling *t, const char *kind, int64_t event_id)
{
	jw_end(&t->w);
	if (!t->text.failed)
		bus_publish(t->control, &(struct bus_message){.event_id = event_id,
									.kind = kind,
									.experiment_id = t->live->id,
									.ns = t->live->ns,
									.experiment = t->live->name,
									.data = t->text.data,
									.len = t->text.len});
	strbuf_free(&t->text);
}

static void tell_experiment(struct control *c, const struct live *l, const struct store_live *row)
{
	struct telling t;
	struct json_writer *w = tell_begin(&t, c, l);

	jw_str(w, "state", experiment_state_name(row->state));
	jw_str(w, "reason", row->reason);
	jw_object(w, "trials");
	for (int s = 0; s < TRIAL_STATES; s++)
		jw_int(w, trial_state_name((enum trial_state)s), row->counts[s]);
	jw_end(w);
	tell_end(&t, "experiment", 0);
}

static void tell_trial(
	struct control *c, const struct live *l, const struct store_trial *row, const char *kind)
{
	struct telling t;
	struct json_writer *w = tell_begin(&t, c, l);

	jw_int(w, "number", row->number);
	jw_int(w, "attempt", row->attempt);
	jw_str(w, "state", trial_state_name(row->state));
	jw_str(w, "reason", row->reason);
	if (row->vals.n > 0 && !(row->vals.null && row->vals.null[0]))
		jw_num(w, "value", row->vals.v[0]);
	if (row->rank > 0)
		jw_int(w, "rank", row->rank);
	tell_end(&t, kind, 0);
}

static void tell_event(struct control *c, const struct live *l, const struct store_event *ev)
{
	struct telling t;
	struct json_writer *w = tell_begin(&t, c, l);

	if (ev->number)
		jw_int(w, "number", ev->number);
	jw_str(w, "type", ev->type);
	jw_str(w, "reason", ev->reason);
	jw_str(w, "message", ev->message);
	jw_time(w, "time", ev->time_us);
	tell_end(&t, "event", ev->id);
}

static void tell_points(
	struct control *c, const struct live *l, const struct store_series_point *points, size_t n)
{
	struct telling t;
	struct json_writer *w = tell_begin(&t, c, l);

	jw_int(w, "number", points[0].number);
	jw_str(w, "metric", points[0].metric);
	jw_array(w, "points");
	for (size_t i = 0; i < n; i++) {
		jw_array(w, NULL);
		jw_int(w, NULL, points[i].step);
		jw_num(w, NULL, points[i].value);
		jw_end(w);
	}
	jw_end(w);
	tell_end(&t, "metrics", 0);
}

/* ---- points ------------------------------------------------------------------------------------ */

static void on_points(void *ctx, const struct store_series *rows, const struct err *e)
{
	struct reading *r = ctx;
	struct live *l = live_read(r);

	if (!l || e)
		goto out;
	for (size_t i = 0, n; i < rows->n; i += n) {
		const struct store_series_point *p = &rows->items[i];
		for (n = 1; i + n < rows->n && p[n].number == p->number && strcmp(p[n].metric, p->metric) == 0;)
			n++;
		*curves_step(&l->curves, p->number, p->metric) = p[n - 1].step;
		if (l->curves_known)
			tell_points(r->control, l, p, n);
	}
	l->curves_known = true;
	for (size_t i = 0; i < l->n_ended; i++)
		curves_forget(&l->curves, l->ended[i]);
	l->n_ended = 0;
out:
	if (l)
		l->reading = false;
	arena_free(r->arena);
}

static void read_points(struct control *c, struct live *l)
{
	const int64_t now = clk_now_us();
	struct reading *r;

	if (l->seen.counts[TRIAL_RUNNING] == 0 && l->n_ended == 0)
		l->curves_known = true;
	else if (!l->curves_known || now - l->points_at_us >= LOOK_MS * (CLK_SECOND / 1000)) {
		l->points_at_us = now;
		r = reading_new(c, l->birth);
		store_live_points(c->store, r->arena, l->id, l->ended, l->n_ended, curves_json(&l->curves, r->arena),
			POINTS_MAX, on_points, r);
		return;
	}
	l->reading = false;
}

/* ---- events ------------------------------------------------------------------------------------ */

static void read_events(struct control *c, struct live *l);

static void on_events(void *ctx, const struct store_events *rows, const struct err *e)
{
	struct reading *r = ctx;
	struct control *c = r->control;
	struct live *l = live_read(r);

	for (size_t i = 0; l && !e && i < rows->n; i++) {
		l->event = rows->items[i].id;
		tell_event(c, l, &rows->items[i]);
	}
	if (l && e)
		l->reading = false;
	else if (l && rows->n == PAGE)
		read_events(c, l);
	else if (l)
		read_points(c, l);
	arena_free(r->arena);
}

static void read_events(struct control *c, struct live *l)
{
	struct reading *r;

	if (l->seen.last_event <= l->event) {
		read_points(c, l);
		return;
	}
	r = reading_new(c, l->birth);
	store_events_since(c->store, r->arena, l->id, l->event, PAGE, on_events, r);
}

/* ---- trials ------------------------------------------------------------------------------------ */

static void read_trials(struct control *c, struct live *l);

/* Its last points are still to be told, unless very many end at once. */
static void note_end(struct live *l, int number)
{
	if (l->n_ended < ENDED_MAX)
		l->ended[l->n_ended++] = number;
	else
		curves_forget(&l->curves, number);
}

static void on_trials(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct reading *r = ctx;
	struct control *c = r->control;
	struct live *l = live_read(r);

	for (size_t i = 0; l && !e && i < rows->n; i++) {
		const struct store_trial *t = &rows->items[i];
		l->change = t->change;
		l->change_number = t->number;
		tell_trial(c, l, t, "trial");
		if (t->number == l->seen.best_number && t->number != l->best) {
			l->best = t->number;
			tell_trial(c, l, t, "best");
		}
		if (trial_state_over(t->state))
			note_end(l, t->number);
	}
	if (l && e)
		l->reading = false;
	else if (l && rows->n == PAGE)
		read_trials(c, l);
	else if (l)
		read_events(c, l);
	arena_free(r->arena);
}

static void read_trials(struct control *c, struct live *l)
{
	struct reading *r;

	if (l->seen.change <= l->change) {
		read_events(c, l);
		return;
	}
	r = reading_new(c, l->birth);
	store_trials_page(c->store, r->arena,
		&(struct store_trial_page){.ns = l->ns,
			.experiment = l->name,
			.sort = STORE_BY_CHANGE,
			.after_change = l->change,
			.after_number = l->change_number,
			.limit = PAGE},
		on_trials, r);
}

/* ---- looking ----------------------------------------------------------------------------------- */

/* An experiment that was created while somebody listened is told from its beginning. */
static struct live *live_add(struct control *c, const struct store_live *row)
{
	struct live *l = xcalloc(1, sizeof *l);
	const bool whole = row->fresh && bus_heard(c, row->ns, row->id, true);

	l->id = row->id;
	l->birth = ++c->live->births;
	l->ns = xstrdup(row->ns);
	l->name = xstrdup(row->name);
	l->change = whole ? 0 : row->change;
	l->change_number = whole ? 0 : INT32_MAX;
	l->event = whole ? 0 : row->last_event;
	l->best = whole ? 0 : row->best_number;
	l->curves_known = whole;
	TAILQ_INSERT_TAIL(&c->live->lives, l, link);
	return l;
}

static bool same(const struct store_live *a, const struct store_live *b)
{
	return a->version == b->version && a->state == b->state &&
	       memcmp(a->counts, b->counts, sizeof a->counts) == 0;
}

static void take_in(struct control *c, const struct store_live *row)
{
	struct live *l = live_of(c->live, row->id);

	if (!l)
		l = live_add(c, row);
	if (!same(&l->seen, row))
		tell_experiment(c, l, row);
	l->seen = *row;
	l->seen.ns = l->seen.name = l->seen.reason = NULL;
	l->present = true;
	if (!l->reading) {
		l->reading = true;
		read_trials(c, l);
	}
}

static void drop_absent(struct live_feed *f)
{
	struct live *l, *next;

	for (l = TAILQ_FIRST(&f->lives); l; l = next) {
		next = TAILQ_NEXT(l, link);
		if (!l->present)
			live_remove(f, l);
	}
}

static void on_look(void *ctx, const struct store_lives *rows, const struct err *e)
{
	struct reading *r = ctx;
	struct control *c = r->control;
	struct live_feed *f = c->live;
	struct live *l;

	f->looking = false;
	if (e) {
		LOG_DEBUG("cannot look what to tell live", L_STR("error", e->detail));
	} else {
		TAILQ_FOREACH(l, &f->lives, link)
			l->present = false;
		for (size_t i = 0; i < rows->n; i++)
			take_in(c, &rows->items[i]);
		drop_absent(f);
	}
	bus_looked(c, r->of, e);
	arena_free(r->arena);
	if (bus_anybody(c))
		loop_timer_after(f->timer, (f->soon ? SOON_MS : LOOK_MS) * (CLK_SECOND / 1000));
}

/* Those that are listened to one by one, and those that are not known to be over: their end is to be told. */
static void look(void *ctx)
{
	struct control *c = ctx;
	struct live_feed *f = c->live;
	struct store_live_query q = {0};
	const struct live *l;
	size_t n = 0;

	f->soon = false;
	if (!bus_anybody(c))
		return;
	f->looking = true;
	struct reading *r = reading_new(c, ++f->looks);
	TAILQ_FOREACH(l, &f->lives, link)
		n++;
	int64_t *ids = bus_scope(c, n, &q, r->arena);
	TAILQ_FOREACH(l, &f->lives, link)
		if (!experiment_state_over(l->seen.state) && bus_heard(c, l->ns, l->id, false))
			ids[q.n_ids++] = l->id;
	store_live_experiments(c->store, r->arena, &q, on_look, r);
}
