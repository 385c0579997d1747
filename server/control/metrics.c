/* What Prometheus hears of the control room. What is known in memory is read when it is asked for. */
#include <stdlib.h>

#include "lib/clk.h"
#include "lib/mem.h"
#include "lib/prom.h"
#include "server/control/internal.h"
#include "server/control/stopping.h"

struct control_metrics {
	struct control *control;
	struct prom_series *trials[TRIAL_STATES], *finished[TRIAL_STATES], *driven[EXPERIMENT_STATES];
	struct prom_series *leader, *points, *start_delay, *judged, *stoppers;
	struct prom_metric *suggestions, *messages, *stops;
};

static const double suggestion_seconds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
	30, 60};
static const double judge_seconds[] = {1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3};
static const double delay_seconds[] = {0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800};

static void collect(void *ctx)
{
	const struct control_metrics *m = ctx;
	const struct control *c = m->control;
	int64_t trials[TRIAL_STATES] = {0}, experiments[EXPERIMENT_STATES] = {0};
	size_t memory = 0;

	for (size_t i = 0; i < c->n_experiments; i++) {
		const struct experiment *x = c->experiments[i];
		experiments[x->state] += x->loaded;
		memory += x->stopping && x->stopping->stopper ? stopper_memory(x->stopping->stopper) : 0;
		for (int s = 0; s < TRIAL_STATES; s++)
			trials[s] += x->counts[s];
	}
	for (int s = 0; s < TRIAL_STATES; s++)
		prom_set(m->trials[s], (double)trials[s]);
	for (int s = 0; s < EXPERIMENT_STATES; s++)
		prom_set(m->driven[s], (double)experiments[s]);
	prom_set(m->leader, (double)c->n_experiments);
	prom_set(m->stoppers, (double)memory);
}

static void declare_states(struct control_metrics *m, struct prom *p)
{
	static const char *const state[] = {"state", NULL}, *const outcome[] = {"outcome", NULL};
	struct prom_metric *trials = prom_gauge(p, "trimtab_trials",
		"Trials by state, of the experiments that this server drives; ended experiments are not among them",
		state);
	struct prom_metric *driven =
		prom_gauge(p, "trimtab_experiments", "Experiments that this server drives, by state", state);
	struct prom_metric *finished = prom_counter(
		p, "trimtab_trials_finished_total", "Trials that ended while this server drove them", outcome);

	for (int s = 0; s < TRIAL_STATES; s++) {
		m->trials[s] = prom_series(trials, &trial_state_names()[s]);
		if (trial_state_over((enum trial_state)s))
			m->finished[s] = prom_series(finished, &trial_state_names()[s]);
	}
	for (int s = 0; s < EXPERIMENT_STATES; s++)
		m->driven[s] = prom_series(driven, &experiment_state_names()[s]);
}

struct control_metrics *metrics_new(struct control *c)
{
	static const char *const algorithm[] = {"algorithm", NULL}, *const outcome[] = {"outcome", NULL},
		*const reason[] = {"reason", NULL};
	struct prom *p = c->config.prom;
	struct control_metrics *m;

	if (!p)
		return NULL;
	m = xcalloc(1, sizeof *m);
	m->control = c;
	declare_states(m, p);
	m->leader = prom_series(prom_gauge(p, "trimtab_leader", "Experiments whose lease this server holds", NULL), NULL);
	m->points = prom_series(
		prom_counter(p, "trimtab_metric_points_total", "Metric points committed by this server", NULL), NULL);
	m->start_delay = prom_series(prom_histogram(p, "trimtab_trial_start_delay_seconds",
		"From a trial's creation to its first start", NULL, delay_seconds, ARRAY_LEN(delay_seconds)), NULL);
	m->suggestions = prom_histogram(p, "trimtab_suggestion_duration_seconds",
		"Time an algorithm took for one batch of suggestions", algorithm, suggestion_seconds,
		ARRAY_LEN(suggestion_seconds));
	m->messages = prom_counter(p, "trimtab_webhook_messages_total", "Messages to web hooks, by what became of them",
		outcome);
	m->stops = prom_counter(p, "trimtab_trials_stopped_total",
		"Trials that were told to stop for what they reported, by the reason", reason);
	m->judged = prom_series(prom_histogram(p, "trimtab_stop_decision_seconds",
		"Time to decide whether the trial of a report goes on", NULL, judge_seconds, ARRAY_LEN(judge_seconds)), NULL);
	m->stoppers = prom_series(
		prom_gauge(p, "trimtab_stopper_bytes", "Memory of what trials reported, for stopping them", NULL), NULL);
	prom_on_collect(p, collect, m);
	return m;
}

void metrics_free(struct control_metrics *m)
{
	free(m);
}

void metrics_trial(struct control *c, const struct store_trial *row)
{
	struct control_metrics *m = c->metrics;

	if (!m || row->source == STORE_FROM_IMPORT)
		return;
	if (trial_state_over(row->state))
		prom_add(m->finished[row->state], 1);
	else if (row->state == TRIAL_RUNNING && row->attempt == 1 && row->started_us >= row->created_us)
		prom_observe(m->start_delay, (double)(row->started_us - row->created_us) / CLK_SECOND);
}

void metrics_suggestion(struct control *c, const char *algorithm, int64_t took_us)
{
	if (c->metrics)
		prom_observe(prom_series(c->metrics->suggestions, &algorithm), (double)took_us / CLK_SECOND);
}

void metrics_points(struct control *c, size_t n)
{
	if (c->metrics)
		prom_add(c->metrics->points, (double)n);
}

void metrics_judged(struct control *c, int64_t took_us)
{
	if (c->metrics)
		prom_observe(c->metrics->judged, (double)took_us / CLK_SECOND);
}

void metrics_stop(struct control *c, const char *reason)
{
	if (c->metrics && reason)
		prom_add(prom_series(c->metrics->stops, &reason), 1);
}

void metrics_message(struct control *c, const char *outcome)
{
	if (c->metrics)
		prom_add(prom_series(c->metrics->messages, &outcome), 1);
}
