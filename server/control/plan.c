#include "server/control/plan.h"

#include <assert.h>
#include <string.h>

static const struct {
	const char *name, *sentence;
	enum experiment_state state;
	bool kills;
} ends[] = {
#define X(id, name_, state_, kills_, sentence_) \
	[id] = {.name = name_, .sentence = sentence_, .state = state_, .kills = kills_},
	END_MAP(X)
#undef X
};

const char *end_reason_name(enum end_reason r)
{
	assert(r < END_REASONS);
	return ends[r].name;
}

const char *end_reason_sentence(enum end_reason r)
{
	assert(r < END_REASONS);
	return ends[r].sentence;
}

enum experiment_state end_reason_state(enum end_reason r)
{
	assert(r < END_REASONS);
	return ends[r].state;
}

bool end_reason_kills(enum end_reason r)
{
	assert(r < END_REASONS);
	return ends[r].kills;
}

enum end_reason end_reason_parse(const char *name)
{
	for (int r = END_NONE + 1; r < END_REASONS; r++)
		if (strcmp(ends[r].name, name) == 0)
			return (enum end_reason)r;
	return END_USER_STOPPED;
}

bool stop_is_early(const char *reason)
{
	static const char *const others[] = {"UserKilled", "Killed", "Cancelled", "ExperimentDeleted"};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strcmp(reason, others[i]) == 0)
			return false;
	for (int r = END_NONE + 1; r < END_REASONS; r++)
		if (strcmp(ends[r].name, reason) == 0)
			return false;
	return true;
}

enum trial_state stop_ends_as(const char *reason)
{
	return strcmp(reason, STOP_BUDGET_REACHED) == 0 ? TRIAL_SUCCEEDED : TRIAL_EARLY_STOPPED;
}

static void add(struct plan *out, struct plan_action action)
{
	assert(out->n < out->max);
	out->actions[out->n++] = action;
}

static void wake_at(struct plan *out, int64_t at_us)
{
	if (at_us > 0 && (out->wake_at_us == 0 || at_us < out->wake_at_us))
		out->wake_at_us = at_us;
}

static bool may_retry(const struct plan_budget *b, const struct plan_trial *t)
{
	const int64_t retries = t->attempt - 1;

	if (t->stop_wanted)
		return false;
	if (t->state == TRIAL_LOST)
		return retries < b->retry_lost;
	if (t->state == TRIAL_FAILED)
		return retries < b->retry_failed;
	return false;
}

/* Trials that hold a slot of parallelTrials, or will: the ones under way, those being started, and
 * those that a retry is about to bring back. Of the vacated only as many make room as there are slots:
 * where nothing can be read any more, not everything shall run in vain. */
static int64_t slots_taken(const struct plan_input *in)
{
	int64_t n = in->suggesting, vacated = 0;

	for (size_t i = 0; i < in->n_trials; i++) {
		const struct plan_trial *t = &in->trials[i];
		const bool waits = t->state == TRIAL_PENDING && !t->writing;
		const bool runs = t->state == TRIAL_STARTING || t->state == TRIAL_RUNNING;
		n += !waits && (trial_state_active(t->state) || may_retry(&in->budget, t));
		vacated += runs && t->vacated && in->foreseen;
	}
	return n - (vacated < in->budget.parallel ? vacated : in->budget.parallel);
}

static bool anything_under_way(const struct plan_input *in)
{
	if (in->suggesting > 0)
		return true;
	for (size_t i = 0; i < in->n_trials; i++) {
		const struct plan_trial *t = &in->trials[i];
		if (!trial_state_over(t->state) || t->writing)
			return true;
	}
	return false;
}

/* As anything_under_way, and counting trials that will be tried again. */
static bool anything_to_come(const struct plan_input *in)
{
	if (anything_under_way(in))
		return true;
	for (size_t i = 0; i < in->n_trials; i++)
		if (may_retry(&in->budget, &in->trials[i]))
			return true;
	return false;
}

static bool budget_used(const struct plan_input *in)
{
	return in->budget.max_trials > 0 && in->used >= in->budget.max_trials;
}

/* Katib's rule: maxFailedTrials 0 and 1 both end the experiment at its first failure. */
static bool too_many_failed(const struct plan_input *in)
{
	return in->budget.max_failed >= 0 && in->failed > 0 && in->failed >= in->budget.max_failed;
}

enum { START_FAILURES_MAX = 3 };

enum end_reason plan_end(const struct plan_input *in)
{
	if (in->goal_reached)
		return END_GOAL;
	if (too_many_failed(in))
		return END_MAX_FAILED;
	if (in->start_failures >= START_FAILURES_MAX)
		return END_START_FAILURES;
	if (in->budget.deadline_us > 0 && in->now_us >= in->budget.deadline_us)
		return END_MAX_DURATION;
	if (in->algorithm_failed)
		return END_ALGORITHM;
	if (in->converged)
		return END_CONVERGED;
	if (anything_to_come(in))
		return END_NONE;
	if (budget_used(in))
		return END_MAX_TRIALS;
	return in->exhausted ? END_EXHAUSTED : END_NONE;
}

/* A trial that was asked to end, or whose experiment kills what runs. */
static void plan_end_of_trial(const struct plan_input *in, const struct plan_trial *t, bool kill, struct plan *out)
{
	if (t->writing || trial_state_over(t->state))
		return;
	if (t->by_worker && !kill && in->now_us < t->stop_due_us)
		wake_at(out, t->stop_due_us);
	else if (t->state == TRIAL_PENDING || t->by_worker)
		add(out, (struct plan_action){.kind = PLAN_KILL, .number = t->number});
	else if (!t->stop_sent || (kill && t->stop_gentle))
		add(out, (struct plan_action){.kind = PLAN_STOP, .number = t->number});
}

static bool worker_fell_silent(const struct plan_input *in, const struct plan_trial *t)
{
	return t->by_worker && t->state == TRIAL_RUNNING && t->lease_until_us > 0 &&
		in->now_us >= t->lease_until_us;
}

/* What the trials under way need whatever the experiment's state is. */
static void plan_trials_under_way(const struct plan_input *in, bool kill_all, struct plan *out)
{
	for (size_t i = 0; i < in->n_trials; i++) {
		const struct plan_trial *t = &in->trials[i];
		if (t->writing || trial_state_over(t->state))
			continue;
		if (kill_all || t->stop_wanted)
			plan_end_of_trial(in, t, kill_all, out);
		else if (worker_fell_silent(in, t))
			add(out, (struct plan_action){.kind = PLAN_LOSE, .number = t->number});
		else if (t->by_worker && t->state == TRIAL_RUNNING)
			wake_at(out, t->lease_until_us);
	}
}

static void plan_stopping(const struct plan_input *in, struct plan *out)
{
	const bool kill_all = in->cancelling || end_reason_kills(in->stopping_for);

	plan_trials_under_way(in, kill_all, out);
	for (size_t i = 0; i < in->n_trials && !kill_all; i++)
		if (in->trials[i].state == TRIAL_PENDING && !in->trials[i].stop_wanted)
			plan_end_of_trial(in, &in->trials[i], true, out);
	if (!anything_under_way(in))
		add(out, (struct plan_action){.kind = PLAN_FINISH, .why = in->stopping_for});
}

static void plan_retries(const struct plan_input *in, struct plan *out)
{
	for (size_t i = 0; i < in->n_trials; i++)
		if (!in->trials[i].writing && may_retry(&in->budget, &in->trials[i]))
			add(out, (struct plan_action){.kind = PLAN_RETRY, .number = in->trials[i].number});
}

/* The whole shortage in one request: the algorithm then knows which points come together. One
 * request at a time, so that the next one knows this one's points. */
static void plan_suggestion(const struct plan_input *in, int64_t shortage, struct plan *out)
{
	int64_t n = shortage;

	if (in->suggesting > 0 || in->waiting || in->exhausted || in->algorithm_failed || in->converged)
		return;
	if (in->budget.max_trials > 0 && n > in->budget.max_trials - in->used)
		n = in->budget.max_trials - in->used;
	if (n > 0)
		add(out, (struct plan_action){.kind = PLAN_SUGGEST, .n = n});
}

/* Starts (or assigns) what is pending, oldest first, as far as slots and demand go; what is left of
 * both is the shortage that the algorithm fills. */
static void plan_starts(const struct plan_input *in, struct plan *out)
{
	int64_t slots = in->budget.parallel - slots_taken(in);
	int64_t demand = in->by_workers ? in->wanted : in->room;

	for (size_t i = 0; i < in->n_trials && slots > 0 && demand > 0; i++) {
		const struct plan_trial *t = &in->trials[i];
		if (t->state != TRIAL_PENDING || t->writing || t->stop_wanted)
			continue;
		add(out, (struct plan_action){
			.kind = in->by_workers ? PLAN_ASSIGN : PLAN_START, .number = t->number});
		slots--;
		demand--;
	}
	plan_suggestion(in, slots < demand ? slots : demand, out);
}

static void plan_running(const struct plan_input *in, struct plan *out)
{
	const enum end_reason why = plan_end(in);

	if (why != END_NONE) {
		add(out, (struct plan_action){
			.kind = anything_under_way(in) ? PLAN_END : PLAN_FINISH, .why = why});
		return;
	}
	wake_at(out, in->budget.deadline_us);
	plan_trials_under_way(in, false, out);
	if (in->state == EXPERIMENT_PAUSED)
		return;
	plan_retries(in, out);
	plan_starts(in, out);
}

void plan(const struct plan_input *in, struct plan *out)
{
	assert(in->budget.parallel >= 1);
	assert(out->max >= PLAN_ACTIONS_MAX(in->n_trials));
	out->n = 0;
	out->wake_at_us = 0;
	switch (in->state) {
	case EXPERIMENT_RUNNING:
	case EXPERIMENT_PAUSED:
		plan_running(in, out);
		break;
	case EXPERIMENT_STOPPING:
		plan_stopping(in, out);
		break;
	case EXPERIMENT_SUCCEEDED:
	case EXPERIMENT_FAILED:
	case EXPERIMENT_STOPPED:
	case EXPERIMENT_STATES:
		break;
	}
}
