/* A batch of points on its way to the database: who judges it, and what becomes of the verdicts. */
#include <string.h>

#include "lib/arena.h"
#include "lib/failpoint.h"
#include "server/control/internal.h"
#include "server/control/stopping.h"
#include "server/store/store_observation.h"

enum stopping_way stopping_way(struct control *c, int64_t experiment)
{
	struct experiment *x = control_experiment(c, experiment);
	const char *metric;

	if (x && x->spec)
		return !x->stopping ? STOPPING_NOT : x->stopping->ready ? STOPPING_HERE : STOPPING_WAIT;
	if (x)
		return x->loading || x->reload ? STOPPING_WAIT : STOPPING_NOT;
	/* Right after the start it may be ours in a moment. */
	if (c->started && !c->claimed)
		return STOPPING_WAIT;
	metric = elsewhere_metric(c, experiment);
	return !metric ? STOPPING_WAIT : *metric ? STOPPING_ELSEWHERE : STOPPING_NOT;
}

/* ---- before the commit ------------------------------------------------------------------------- */

/* The points of one experiment in a row. */
struct bench {
	struct control *control;
	struct arena *arena;
	struct judgement *judgement;
	size_t n_points;
	int64_t id;
	enum stopping_way way;
	struct experiment *x;           /* STOPPING_HERE                                              */
	struct judged *judged;          /* its place                                                  */
	const char *metric;             /* whose points are judged                                    */
};

static struct judgement *judgement_of(struct bench *b)
{
	struct judgement *j = b->judgement;

	if (j)
		return j;
	j = b->judgement = ARENA_NEW(b->arena, struct judgement);
	j->epochs = ARENA_NEW_N(b->arena, int64_t, b->n_points);
	j->verdicts = ARENA_NEW_N(b->arena, struct store_verdict, b->n_points);
	j->here = ARENA_NEW_N(b->arena, struct judged, b->control->n_experiments);
	return j;
}

static struct judged *judged_of(struct judgement *j, struct experiment *x)
{
	for (size_t i = 0; i < j->n_here; i++)
		if (j->here[i].experiment == x->id)
			return &j->here[i];
	x->stopping->sent++;
	j->here[j->n_here] = (struct judged){.experiment = x->id, .epoch = x->epoch};
	return &j->here[j->n_here++];
}

static void open_bench(struct bench *b, int64_t experiment)
{
	b->id = experiment;
	b->way = stopping_way(b->control, experiment);
	b->x = NULL;
	if (b->way == STOPPING_HERE) {
		b->x = control_experiment(b->control, experiment);
		b->metric = b->x->spec->objectives[0].metric;
		b->judged = judged_of(judgement_of(b), b->x);
	} else if (b->way == STOPPING_ELSEWHERE) {
		b->metric = elsewhere_metric(b->control, experiment);
	}
}

static void judge_point(struct bench *b, const struct store_point *p, int64_t *epoch)
{
	struct experiment *x = b->x;
	struct trial *t = x ? experiment_trial(x, p->number) : NULL;
	struct judgement *j = judgement_of(b);
	struct stop_verdict verdict;

	*epoch = STORE_UNJUDGED;
	if (!t || p->step == STORE_NO_STEP) {
		if (x)
			b->judged->noted = true;
		return;
	}
	*epoch = x->epoch;
	if (stopping_report(b->control, x, t, p->step, p->value, &verdict) != STOP_NOW)
		return;
	j->verdicts[j->n_verdicts++] = (struct store_verdict){.experiment = x->id, .epoch = x->epoch, .number = t->number,
		.reason = verdict.reason, .message = arena_strdup(b->arena, verdict.message)};
}

struct judgement *judge_points(struct control *c, struct arena *a, const struct store_point *points, size_t n)
{
	struct bench b = {.control = c, .arena = a, .n_points = n};

	for (size_t i = 0; i < n; i++) {
		if (i == 0 || points[i].experiment != b.id)
			open_bench(&b, points[i].experiment);
		if ((b.way == STOPPING_HERE || b.way == STOPPING_ELSEWHERE) && strcmp(points[i].metric, b.metric) == 0)
			judge_point(&b, &points[i], &judgement_of(&b)->epochs[i]);
	}
	return b.judgement;
}

/* ---- after it ---------------------------------------------------------------------------------- */

/* The plan ends its run if the script does not; the row itself comes with the next reload. */
static void settle_verdict(struct control *c, const struct store_verdict *v, const struct store_acks *acks)
{
	struct experiment *x = control_experiment(c, v->experiment);
	struct trial *t = x && x->epoch == v->epoch ? experiment_trial(x, v->number) : NULL;
	const struct store_ack *ack = reporter_ack(acks, v->experiment, v->number);

	if (!t || t->stop || !ack || !ack->stop)
		return;
	experiment_stop(t, ack->stop);
	metrics_stop(c, ack->stop);
	live_kick(c);
	control_dirty(c, x);
}

void judge_settle(struct control *c, const struct judgement *j, const struct store_acks *acks)
{
	for (size_t i = 0; acks && i < j->n_verdicts; i++)
		settle_verdict(c, &j->verdicts[i], acks);
	for (size_t i = 0; i < j->n_here; i++) {
		struct experiment *x = control_experiment(c, j->here[i].experiment);
		if (!x || x->epoch != j->here[i].epoch)
			continue;
		x->stopping->sent--;
		if (!acks)
			stopping_spoil(c, x);
		else if (j->here[i].noted)
			stopping_catch_up(c, x);
		if (!x->stopping->ready)
			control_dirty(c, x);
	}
}
