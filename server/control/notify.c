#include "server/control/notify.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/hash.h"
#include "lib/json_write.h"
#include "lib/log.h"
#include "server/control/internal.h"
#include "server/model/params.h"

enum { BODY_MAX = 1 << 20, UNTOLD_MAX = 100 };

/* What a message says, whatever it is about. */
struct news {
	unsigned kind;                  /* NOTIFY_...                                                 */
	const char *event;
	int64_t version;                /* tells this one from others of its kind and trial           */
	enum experiment_state state;
	const char *reason, *message;
	const struct store_trial *trial;        /* or NULL */
	/* The best trial; number 0: there is none. */
	int32_t best;
	const char *best_parameters;
	const double *best_values;
};

/* ---- the body ---------------------------------------------------------------------------------- */

static void write_values(struct json_writer *w, const struct experiment_spec *s, const double *values)
{
	jw_object(w, "values");
	for (size_t k = 0; k < s->n_objectives; k++)
		if (!isnan(values[k]))
			jw_num(w, s->objectives[k].metric, values[k]);
	jw_end(w);
}

static void write_best(struct json_writer *w, struct experiment *x, const struct news *n)
{
	char name[TRIAL_NAME_MAX];

	if (n->best == 0) {
		jw_null(w, "best");
		return;
	}
	trial_name(name, x->name, x->uid, n->best);
	jw_object(w, "best");
	jw_int(w, "number", n->best);
	jw_str(w, "name", name);
	write_values(w, x->spec, n->best_values);
	jw_raw(w, "parameters", n->best_parameters);
	jw_end(w);
}

static void write_trial(struct json_writer *w, struct experiment *x, const struct store_trial *t)
{
	char name[TRIAL_NAME_MAX];

	trial_name(name, x->name, x->uid, t->number);
	jw_object(w, "trial");
	jw_int(w, "number", t->number);
	jw_str(w, "name", name);
	jw_int(w, "attempt", t->attempt);
	jw_str(w, "state", trial_state_name(t->state));
	jw_str(w, "reason", t->reason);
	jw_str(w, "message", t->message);
	jw_raw(w, "parameters", t->params);
	jw_end(w);
}

static void write_body(struct strbuf *b, struct experiment *x, const struct news *n, const char *id)
{
	struct json_writer w;

	jw_init(&w, b);
	jw_object(&w, NULL);
	jw_str(&w, "event", n->event);
	jw_str(&w, "experiment", x->name);
	jw_str(&w, "namespace", x->ns);
	jw_str(&w, "uid", x->uid);
	jw_str(&w, "state", experiment_state_name(n->state));
	jw_str(&w, "reason", n->reason);
	jw_str(&w, "message", n->message);
	write_best(&w, x, n);
	if (n->trial)
		write_trial(&w, x, n->trial);
	jw_time(&w, "time", clk_wall_us());
	jw_str(&w, "id", id);
	jw_end(&w);
}

/* ---- to whom ----------------------------------------------------------------------------------- */

/* The same for every URL and after every crash. */
static void delivery_id(char id[COURIER_ID_MAX], struct experiment *x, const struct news *n)
{
	char what[160];
	uint8_t digest[HASH_SIZE];
	const int len = snprintf(what, sizeof what, "%s/%s/%d/%" PRId64, x->uid, n->event,
		n->trial ? n->trial->number : 0, n->version);

	hash_sha256(what, (size_t)len, digest);
	hash_hex(digest, (COURIER_ID_MAX - 1) / 2, id);
}

static void tell(struct control *c, struct experiment *x, const struct news *n)
{
	char id[COURIER_ID_MAX];
	struct strbuf body;

	delivery_id(id, x, n);
	strbuf_init(&body, BODY_MAX);
	write_body(&body, x, n, id);
	for (size_t i = 0; i < x->spec->n_notify && !body.failed; i++) {
		const struct notify *to = &x->spec->notify[i];
		if (to->on & n->kind)
			courier_take(c->courier, &(struct message){.experiment = x->id,
				.number = n->trial ? n->trial->number : 0, .event = n->event, .id = id, .url = to->url,
				.secret = to->secret, .body = body.data, .end = !n->trial});
	}
	strbuf_free(&body);
}

static bool anybody_asked(const struct experiment *x, unsigned kind)
{
	for (size_t i = 0; i < x->spec->n_notify; i++)
		if (x->spec->notify[i].on & kind)
			return true;
	return false;
}

/* ---- what happened ----------------------------------------------------------------------------- */

static void tell_of_trial(struct control *c, struct experiment *x, const struct store_trial *row,
	struct news n)
{
	struct arena *a;

	if (!anybody_asked(x, n.kind))
		return;
	a = arena_new();
	n.version = row->attempt;
	n.state = x->state;
	n.reason = row->reason;
	n.message = row->message;
	n.trial = row;
	n.best = x->best;
	if (x->best > 0) {
		n.best_values = experiment_values(x, x->best);
		n.best_parameters = params_json(x->spec, experiment_x(x, x->best), a);
	}
	tell(c, x, &n);
	arena_free(a);
}

void notify_trial(struct control *c, struct experiment *x, const struct store_trial *row, bool best)
{
	const bool failed =
		row->state == TRIAL_FAILED || row->state == TRIAL_UNAVAILABLE || row->state == TRIAL_LOST;

	/* What was known before this server drove the experiment, or before the experiment began, is no news. */
	if (!x->loaded || row->source == STORE_FROM_IMPORT)
		return;
	if (best)
		tell_of_trial(c, x, row, (struct news){.kind = NOTIFY_NEW_BEST, .event = "NewBest"});
	if (failed && !experiment_comes_back(x, row->number))
		tell_of_trial(c, x, row, (struct news){.kind = NOTIFY_TRIAL_FAILED, .event = "TrialFailed"});
}

static unsigned kind_of_end(enum experiment_state s, const char **event)
{
	switch (s) {
	case EXPERIMENT_SUCCEEDED:
		*event = "Succeeded";
		return NOTIFY_SUCCEEDED;
	case EXPERIMENT_FAILED:
		*event = "Failed";
		return NOTIFY_FAILED;
	case EXPERIMENT_STOPPED:
		*event = "Stopped";
		return NOTIFY_STOPPED;
	case EXPERIMENT_RUNNING:
	case EXPERIMENT_PAUSED:
	case EXPERIMENT_STOPPING:
	case EXPERIMENT_STATES:
		break;
	}
	return 0;
}

void notify_end(struct control *c, struct experiment *x, const struct store_experiment *row)
{
	struct news n = {.version = row->finished_us, .state = row->state, .reason = row->reason,
		.message = row->message, .best = row->best_number, .best_parameters = row->best_params,
		.best_values = row->best_vals.v};

	n.kind = kind_of_end(row->state, &n.event);
	if (row->best_vals.n < x->spec->n_objectives || !row->best_vals.v)
		n.best = 0;
	if (n.kind != 0 && anybody_asked(x, n.kind))
		tell(c, x, &n);
}

/* ---- what is owed ------------------------------------------------------------------------------ */

struct debts {
	struct control *control;
	struct arena *arena;
};

static void tell_late(struct control *c, const struct store_experiment *row)
{
	struct experiment *x = experiment_new(row->id, row->epoch);
	struct err e;

	if (experiment_set(x, row, &e))
		notify_end(c, x, row);
	experiment_free(x);
}

static void on_untold(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct debts *d = ctx;

	for (size_t i = 0; !e && i < rows->n; i++)
		tell_late(d->control, &rows->items[i]);
	if (e)
		LOG_WARN("cannot look for web hooks that are owed", L_STR("error", e->detail));
	arena_free(d->arena);
}

void notify_untold(struct control *c)
{
	struct arena *a = arena_new();
	struct debts *d = ARENA_NEW(a, struct debts);

	*d = (struct debts){c, a};
	store_experiments_untold(c->store, a, UNTOLD_MAX, on_untold, d);
}
