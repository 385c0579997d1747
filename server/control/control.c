#include "server/control/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clk.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "server/control/notify.h"
#include "server/control/stopping.h"
#include "server/store/store_lease.h"

enum { LEASE_DEFAULT_S = 15, SUGGEST_DEFAULT_S = 600 };

static void tail(void *ctx);
static void on_tick(void *ctx);
static void on_wake(void *ctx);

struct control *control_new(const struct control_config *config)
{
	struct control *c = xcalloc(1, sizeof *c);

	c->config = *config;
	if (c->config.lease_us == 0)
		c->config.lease_us = LEASE_DEFAULT_S * CLK_SECOND;
	if (c->config.suggest_us == 0)
		c->config.suggest_us = SUGGEST_DEFAULT_S * CLK_SECOND;
	c->config.replica = xstrdup(config->replica);
	c->config.base_url = xstrdup(config->base_url);
	c->loop = config->loop;
	c->store = config->store;
	TAILQ_INIT(&c->dirty);
	TAILQ_INIT(&c->waiters);
	c->finder = finder_new();
	c->bus = bus_new(c);
	c->live = live_new(c);
	c->orphans = orphans_new(c);
	c->courier = courier_new(c);
	c->metrics = metrics_new(c);
	c->reporter = reporter_new(c);
	c->elsewhere = elsewhere_new();
	c->tick = loop_timer_new(c->loop, on_tick, c);
	c->wake = loop_timer_new(c->loop, on_wake, c);
	c->stop_look = loop_timer_new(c->loop, stopping_look, c);
	loop_at_tail(c->loop, tail, c);
	return c;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	c->started = false;
	while (c->n_experiments > 0)
		control_drop(c, c->experiments[c->n_experiments - 1]);
}

void control_free(struct control *c)
{
	if (!c)
		return;
	control_close(c);
	free(c->experiments);
	loop_timer_free(c->tick);
	loop_timer_free(c->wake);
	loop_timer_free(c->stop_look);
	reporter_free(c->reporter);
	elsewhere_free(c->elsewhere);
	bus_free(c->bus);
	live_free(c->live);
	orphans_free(c->orphans);
	courier_free(c->courier);
	metrics_free(c->metrics);
	finder_free(c->finder);
	free((char *)(uintptr_t)c->config.replica);
	free((char *)(uintptr_t)c->config.base_url);
	free(c);
}

void control_add_backend(struct control *c, struct run_backend *b)
{
	assert(c->n_backends < CONTROL_BACKENDS_MAX && !c->started);
	c->backends[c->n_backends++] = b;
}

struct run_backend *control_backend(struct control *c, const char *executor)
{
	for (size_t i = 0; i < c->n_backends; i++)
		if (executor && strcmp(c->backends[i]->type->name, executor) == 0)
			return c->backends[i];
	return NULL;
}

void control_start(struct control *c)
{
	c->started = true;
	notify_untold(c);
	orphans_sweep(c);
	on_tick(c);
}

static void released(void *ctx, int64_t count, const struct err *e)
{
	struct control *c = ctx;

	(void)count;
	(void)e;
	c->drained(c->drained_ctx);
}

void control_drain(struct control *c, void (*done)(void *ctx), void *ctx)
{
	struct store_lease *held = xcalloc(c->n_experiments + 1, sizeof *held);
	const size_t n = c->n_experiments;

	c->started = false;
	c->drained = done;
	c->drained_ctx = ctx;
	loop_timer_cancel(c->tick);
	for (size_t i = 0; i < n; i++)
		held[i] = (struct store_lease){c->experiments[i]->id, c->experiments[i]->epoch};
	while (c->n_experiments > 0)
		control_drop(c, c->experiments[c->n_experiments - 1]);
	store_lease_release(c->store, NULL, c->config.replica, held, n, released, c);
	free(held);
}

/* ---- the experiments that are ours ------------------------------------------------------------- */

/* Where `id` is or belongs in the sorted array. */
static size_t place_of(const struct control *c, int64_t id)
{
	size_t lo = 0, hi = c->n_experiments;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;
		if (c->experiments[mid]->id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct experiment *control_experiment(struct control *c, int64_t id)
{
	const size_t i = place_of(c, id);

	return i < c->n_experiments && c->experiments[i]->id == id ? c->experiments[i] : NULL;
}

void control_adopt(struct control *c, int64_t id, int64_t epoch)
{
	struct experiment *old = control_experiment(c, id);

	if (old && old->epoch == epoch)
		return;
	if (old)
		control_drop(c, old);
	if (c->n_experiments == c->cap_experiments) {
		c->cap_experiments = c->cap_experiments ? 2 * c->cap_experiments : 16;
		c->experiments = xreallocarray(c->experiments, c->cap_experiments, sizeof *c->experiments);
	}
	const size_t i = place_of(c, id);
	memmove(c->experiments + i + 1, c->experiments + i, (c->n_experiments - i) * sizeof *c->experiments);
	c->experiments[i] = experiment_new(id, epoch);
	c->n_experiments++;
	LOG_INFO("experiment is ours", L_INT("experiment_id", id), L_INT("epoch", epoch));
	load_experiment(c, c->experiments[i]);
}

/* Whoever drives the experiment now goes on with them, or without them. */
static void forget_runs(struct control *c, struct experiment *x)
{
	for (size_t i = 0; i < x->n_open && x->backend; i++) {
		const struct trial *t = &x->trials[x->open[i] - 1];
		const struct run_key key = order_key(x, t);
		if (t->state != TRIAL_STARTING && t->state != TRIAL_RUNNING)
			continue;
		run_forget(x->backend, &key);
		if (c->started)
			orphans_add(c, x->backend, &key);
	}
}

void control_drop(struct control *c, struct experiment *x)
{
	const size_t i = place_of(c, x->id);

	assert(i < c->n_experiments && c->experiments[i] == x);
	apply_forget(&x->told);
	memmove(c->experiments + i, c->experiments + i + 1, (c->n_experiments - i - 1) * sizeof *c->experiments);
	c->n_experiments--;
	if (x->dirty)
		TAILQ_REMOVE(&c->dirty, x, dirty_link);
	x->dirty = false;
	ask_drop_all(c, x);
	suggest_cancel(c, x);
	forget_runs(c, x);
	experiment_free(x);
	reporter_release(c);
}

void control_dirty(struct control *c, struct experiment *x)
{
	if (x->dirty)
		return;
	x->dirty = true;
	TAILQ_INSERT_TAIL(&c->dirty, x, dirty_link);
	loop_wake(c->loop);
}

void control_later(struct control *c, struct experiment *x, int64_t us)
{
	x->not_before_us = clk_wall_us() + us;
	control_dirty(c, x);
}

void control_changed(struct control *c, int64_t experiment_id)
{
	finder_forget(c, experiment_id);
	ask_changed(c, experiment_id);
	live_kick(c);
	for (size_t i = 0; i < c->n_experiments; i++) {
		struct experiment *x = c->experiments[i];
		if (experiment_id == 0 || x->id == experiment_id) {
			x->reload = true;
			control_dirty(c, x);
		}
	}
	if (experiment_id == 0 || !control_experiment(c, experiment_id))
		lease_claim(c);
}

/* ---- time -------------------------------------------------------------------------------------- */

static void on_tick(void *ctx)
{
	struct control *c = ctx;

	loop_timer_after(c->tick, c->config.lease_us / 3);
	lease_tick(c);
	orphans_tick(c);
	for (size_t i = 0; i < c->n_experiments; i++) {
		suggest_watch(c, c->experiments[i]);
		control_dirty(c, c->experiments[i]);
	}
}

static void on_wake(void *ctx)
{
	struct control *c = ctx;
	const int64_t now = clk_wall_us();

	for (size_t i = 0; i < c->n_experiments; i++) {
		struct experiment *x = c->experiments[i];
		if (x->wake_at_us > 0 && x->wake_at_us <= now)
			control_dirty(c, x);
	}
}

static void arm_wake(struct control *c)
{
	int64_t first = 0;

	for (size_t i = 0; i < c->n_experiments; i++) {
		const int64_t at = c->experiments[i]->wake_at_us;
		if (at > 0 && (first == 0 || at < first))
			first = at;
	}
	if (first == 0) {
		loop_timer_cancel(c->wake);
		return;
	}
	const int64_t wait = first - clk_wall_us();
	loop_timer_after(c->wake, wait > 0 ? wait : 0);
}

/* ---- the tail of the pass ---------------------------------------------------------------------- */

static int64_t room_for(const struct experiment *x)
{
	const struct resources *r = &x->spec->trial.resources;
	const struct run_resources want = {
		.cpu = (double)r->cpu_millis / 1000, .memory = r->memory_bytes, .gpu = (int32_t)r->gpu};
	struct run_capacity has;

	if (!x->backend || run_fits(x->backend, &want) != RUN_FITS)
		return 0;
	run_capacity(x->backend, &has);
	return has.slots > 0 ? has.slots - has.slots_used : INT32_MAX;
}

static void look_at(struct control *c, struct experiment *x)
{
	const int64_t now = clk_wall_us();
	struct plan_trial *trials;
	struct plan_input in;
	struct plan p = {.max = PLAN_ACTIONS_MAX(x->n_open)};

	x->wake_at_us = 0;
	if (x->reload && !x->loading)
		load_experiment(c, x);
	if (!x->loaded || x->loading || x->moving)
		return;
	if (now < x->not_before_us) {
		x->wake_at_us = x->not_before_us;
		return;
	}
	if (!stopping_ready(c, x))
		return;
	apply_told(c, x);
	trials = xcalloc(x->n_open + 1, sizeof *trials);
	p.actions = xcalloc(p.max, sizeof *p.actions);
	experiment_snapshot(x, now, room_for(x), ask_wanted(x), trials, &in);
	plan(&in, &p);
	x->wake_at_us = p.wake_at_us;
	apply_plan(c, x, &p);
	free(p.actions);
	free(trials);
}

static void tail(void *ctx)
{
	struct control *c = ctx;
	struct experiment *x;
	bool any = false;

	if (!c->started)
		return;
	/* What becomes dirty meanwhile waits for the next pass: nobody can starve the loop. */
	struct experiment *last = TAILQ_LAST(&c->dirty, experiment_dirty_head);
	while (last && (x = TAILQ_FIRST(&c->dirty))) {
		any = true;
		TAILQ_REMOVE(&c->dirty, x, dirty_link);
		x->dirty = false;
		const bool was_last = x == last;
		look_at(c, x);
		if (was_last)
			break;
	}
	if (any)
		arm_wake(c);
}
