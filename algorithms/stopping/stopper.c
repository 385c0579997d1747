#include "algorithms/stopping/stopper.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/grow.h"
#include "algorithms/stopping/rule.h"

enum {
	POINTS_TOTAL = 1 << 22, /* of all trials together                                      */
	ANCESTORS_MAX = 64,     /* that are asked whether they count from 0                    */
};
#define STEP_MAX 0x1p900 /* beyond, steps are passed over                               */

/* ---- made and freed ---------------------------------------------------------------------------- */

static bool copy_uses(struct stopper *s, const struct stop_problem *p)
{
	size_t n = 0, done = 0;

	for (uint32_t i = 0; i < p->n_uses; i++)
		n += p->uses[i].rule->n_settings;
	if (!(s->settings = calloc(n + 1, sizeof(*s->settings))))
		return false;
	for (uint32_t i = 0; i < p->n_uses; i++) {
		uint32_t rows = p->uses[i].rule->n_settings;

		memcpy(&s->settings[done], p->uses[i].settings, rows * sizeof(*s->settings));
		s->uses[i] = (struct stop_use){.rule = p->uses[i].rule, .settings = &s->settings[done]};
		done += rows;
	}
	return true;
}

struct stopper *stopper_new(const struct stop_problem *p)
{
	struct stopper *s = calloc(1, sizeof(*s));

	ALGO_ASSERT(p->n_uses <= STOP_RULES_MAX);
	if (!s)
		return NULL;
	s->p = *p;
	snprintf(s->metric, sizeof(s->metric), "%s", p->metric);
	if (!copy_uses(s, p) || !rungs_init(&s->rungs, p->rungs)) {
		stopper_free(s);
		return NULL;
	}
	s->p.metric = s->metric;
	s->p.uses = s->uses;
	s->p.rungs = NULL;
	return s;
}

void stopper_free(struct stopper *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_trials; i++) {
		if (!s->trials[i])
			continue;
		points_free(&s->trials[i]->points);
		free(s->trials[i]->entries);
		free(s->trials[i]);
	}
	free(s->trials);
	free(s->lowest);
	free(s->settings);
	rungs_free(&s->rungs);
	columns_free(&s->columns);
	free(s->memo);
	free(s->ranks);
	free(s);
}

uint32_t stopper_points_max(const struct stopper *s)
{
	size_t n = POINTS_TOTAL / STOP_POINTS_MAX;
	uint32_t max = STOP_POINTS_MAX;

	for (; n + 1 < s->n_trials; n *= 2)
		max /= 2;
	return max;
}

/* ---- what is counted --------------------------------------------------------------------------- */

static bool is_running(const struct stop_trial *t)
{
	return t->begun && !t->told && t->status == ALGO_PENDING;
}

static double last_resource(const struct stopper *s, const struct stop_trial *t)
{
	return t->points.n > 0 ? t->points.at[t->points.n - 1].step + stop_base(s, t) : 0;
}

double stop_full_resource(struct stopper *s)
{
	if (!isnan(s->p.max_resource))
		return s->p.max_resource;
	if (!isnan(s->longest))
		return s->longest;
	s->longest = 0;
	for (size_t i = 1; i < s->n_trials; i++)
		if (s->trials[i] && trial_is_whole(s, s->trials[i]))
			s->longest = fmax(s->longest, last_resource(s, s->trials[i]));
	return s->longest;
}

static bool is_better_whole(const struct stopper *s, const struct stop_trial *t)
{
	const struct stop_trial *best = s->trials[s->best_whole];

	return !isnan(t->final) &&
	       (!best || t->final < best->final || (t->final == best->final && t->number < best->number));
}

static void find_best_whole(struct stopper *s)
{
	s->best_whole = 0;
	for (uint32_t i = 1; i < s->n_trials; i++)
		if (s->trials[i] && trial_is_whole(s, s->trials[i]) && is_better_whole(s, s->trials[i]))
			s->best_whole = i;
}

/* A trial's state changes between these two. */
static void uncount(struct stopper *s, struct stop_trial *t)
{
	s->n_running -= is_running(t);
	if (!trial_is_whole(s, t))
		return;
	columns_remove(s, t);
	s->n_whole--;
	s->longest = NAN;
}

static bool count(struct stopper *s, struct stop_trial *t)
{
	s->n_running += is_running(t);
	if (trial_is_whole(s, t)) {
		s->n_whole++;
		if (!columns_reserve(&s->columns))
			return false;
		columns_add(s, t);
		if (!isnan(s->longest))
			s->longest = fmax(s->longest, last_resource(s, t));
		if (is_better_whole(s, t))
			s->best_whole = t->number;
	}
	if (s->best_whole == t->number)
		find_best_whole(s); /* it may be worse now, or none */
	return true;
}

/* ---- rungs ------------------------------------------------------------------------------------- */

double stop_base(const struct stopper *s, const struct stop_trial *t)
{
	for (int i = 0; t && i < ANCESTORS_MAX; i++, t = stop_trial_at(s, t->parent))
		if (t->from_zero)
			return 1;
	return 0;
}

/* How many of its points lie below a resource. */
static uint32_t points_below(const struct stopper *s, const struct stop_trial *t, double resource)
{
	return points_until(&t->points, nextafter(resource - stop_base(s, t), -INFINITY));
}

/* Does the trial go no further than it has come? */
static bool is_out(const struct stop_trial *t)
{
	return t->status == ALGO_PENDING ? t->told : t->status != ALGO_SUCCEEDED;
}

/* Brings the count of those that are out at the trial's last rung to how it stands. */
static void count_out(struct stopper *s, struct stop_trial *t, bool out)
{
	if (t->n_entries == 0 || t->out == out)
		return;
	t->out = out;
	rungs_at(&s->rungs, t->bracket, rungs_first(&s->rungs, t->bracket) + t->n_entries - 1)->n_out += out ? 1 : (size_t)-1;
}

static void leave_rungs(struct stopper *s, struct stop_trial *t)
{
	uint32_t first = rungs_first(&s->rungs, t->bracket);

	count_out(s, t, false);
	for (; t->n_entries > 0; t->n_entries--)
		rung_remove(rungs_at(&s->rungs, t->bracket, first + t->n_entries - 1),
			(struct rung_entry){.cost = t->entries[t->n_entries - 1], .number = t->number});
}

/* Enters the trial at the rungs that it has come to and is not yet entered at. */
static bool climb_rungs(struct stopper *s, struct stop_trial *t)
{
	uint32_t first = rungs_first(&s->rungs, t->bracket), k = first + t->n_entries;

	if (s->rungs.plan.n == 0)
		return true;
	if (!t->entries && !(t->entries = calloc(s->rungs.plan.n, sizeof(*t->entries))))
		return false;
	count_out(s, t, false);
	for (; k < s->rungs.plan.n; k++) {
		uint32_t n = points_below(s, t, s->rungs.plan.at[k]) + 1;
		double cost;

		if (n > t->points.n)
			break;
		cost = trial_cost(s, t, n);
		t->entries[k - first] = isnan(cost) ? INFINITY : cost;
		if (!rungs_reserve(&s->rungs, t->bracket))
			return false;
		rung_add(rungs_at(&s->rungs, t->bracket, k),
			(struct rung_entry){.cost = t->entries[k - first], .number = t->number});
		t->n_entries++;
	}
	count_out(s, t, is_out(t));
	return true;
}

static bool enter_anew(struct stopper *s, struct stop_trial *t)
{
	leave_rungs(s, t);
	return climb_rungs(s, t);
}

/* What the trial's resources are has changed, and so it has for those that go on from it. */
static bool resources_moved(struct stopper *s, struct stop_trial *t)
{
	s->longest = NAN;
	if (!enter_anew(s, t))
		return false;
	for (size_t i = 1; t->has_children && i < s->n_trials; i++)
		if (s->trials[i] && s->trials[i]->parent && !enter_anew(s, s->trials[i]))
			return false;
	return true;
}

/* ---- trials ------------------------------------------------------------------------------------ */

static void note_lowest(struct stopper *s, const struct stop_trial *t)
{
	double best = t->points.n > 0 ? t->points.prefix[t->points.n - 1].best : NAN;

	s->lowest[t->number] = isnan(best) ? INFINITY : best;
}

static bool thin_all(struct stopper *s)
{
	for (size_t i = 1; i < s->n_trials; i++) {
		struct stop_trial *t = s->trials[i];

		if (!t || !points_thin(&t->points, s->p.direction, stopper_points_max(s)))
			continue;
		columns_clear(&s->columns);
		note_lowest(s, t);
		if (!enter_anew(s, t))
			return false;
	}
	return true;
}

/* Makes the numbers up to this one known. */
static bool widen(struct stopper *s, uint32_t number)
{
	uint32_t max = stopper_points_max(s);
	size_t n = (size_t)number + 1;

	if (n <= s->n_trials)
		return true;
	if (!grow(&s->trials, &s->capacity_trials, n, sizeof(struct stop_trial *)) ||
		!grow(&s->lowest, &s->capacity_lowest, n, sizeof(*s->lowest)))
		return false;
	for (; s->n_trials < n; s->n_trials++) {
		s->trials[s->n_trials] = NULL;
		s->lowest[s->n_trials] = INFINITY;
	}
	return stopper_points_max(s) == max || thin_all(s);
}

/* The trial of that number, made if need be; NULL: no memory. */
static struct stop_trial *need_trial(struct stopper *s, uint32_t number)
{
	struct stop_trial *t;

	if (!widen(s, number))
		return NULL;
	if (s->trials[number])
		return s->trials[number];
	if (!(t = calloc(1, sizeof(*t))))
		return NULL;
	*t = (struct stop_trial){.number = number, .resource = NAN, .final = NAN, .points.width = POINTS_ALL};
	s->trials[number] = t;
	return t;
}

static bool is_kept(uint32_t number)
{
	return number > 0 && number <= STOP_TRIALS_MAX;
}

bool stopper_begin(struct stopper *s, uint32_t number, int32_t bracket, uint32_t parent, double resource)
{
	struct stop_trial *t, *above = NULL;

	if (!is_kept(number))
		return true;
	if (!is_kept(parent))
		parent = 0;
	if (!(t = need_trial(s, number)) || (parent && !(above = need_trial(s, parent))))
		return false;
	if (t->announced)
		return true;
	uncount(s, t);
	leave_rungs(s, t);
	t->begun = t->announced = true;
	t->bracket = bracket;
	t->parent = parent;
	t->resource = resource;
	if (above)
		above->has_children = true;
	return resources_moved(s, t) && count(s, t);
}

bool stopper_told(struct stopper *s, uint32_t number)
{
	struct stop_trial *t;

	if (!is_kept(number))
		return true;
	if (!(t = need_trial(s, number)))
		return false;
	uncount(s, t);
	t->begun = t->told = true;
	count_out(s, t, is_out(t));
	return count(s, t);
}

bool stopper_end(struct stopper *s, uint32_t number, enum algo_status status, double final_value)
{
	struct stop_trial *t;

	if (!is_kept(number))
		return true;
	if (!(t = need_trial(s, number)))
		return false;
	uncount(s, t);
	t->begun = true;
	t->status = status;
	count_out(s, t, is_out(t));
	t->final = stop_cost(s->p.direction, final_value);
	return count(s, t);
}

/* ---- points ------------------------------------------------------------------------------------ */

/* True if there was memory. */
static bool take_in(struct stopper *s, struct stop_trial *t, struct algo_point point,
	enum points_change *change, uint32_t *index)
{
	uint32_t n = t->points.n;
	bool whole = trial_is_whole(s, t), ok = true;

	if (!points_reserve(&t->points))
		return false;
	if (!t->begun) {
		t->begun = true;
		s->n_running += is_running(t);
	}
	if (whole) {
		columns_remove(s, t);
		s->longest = NAN;
	}
	*change = points_put(&t->points, s->p.direction, stopper_points_max(s), point, index);
	if (whole && (ok = columns_reserve(&s->columns)))
		columns_add(s, t);
	note_lowest(s, t);
	if (point.step <= 0 && !t->from_zero) {
		t->from_zero = true;
		return ok && resources_moved(s, t);
	}
	if (*change == POINT_NEW && *index == n && t->points.n == n + 1)
		return ok && climb_rungs(s, t); /* one more at the end: the entries there are stay */
	return ok && enter_anew(s, t);      /* one passed over may have thinned the others */
}

bool stopper_restore(struct stopper *s, uint32_t number, double step, double value)
{
	enum points_change change;
	struct stop_trial *t;
	uint32_t index;

	if (!is_kept(number) || !(fabs(step) <= STEP_MAX))
		return true;
	return (t = need_trial(s, number)) &&
	       take_in(s, t, (struct algo_point){.step = step, .value = value}, &change, &index);
}

/* ---- the verdict ------------------------------------------------------------------------------- */

/* Is another trial better at or before the resource that this one has come to? */
static bool is_better(struct stopper *s, uint32_t number, double resource, double cost)
{
	const struct stop_trial *t;
	uint32_t n;

	if (!(s->lowest[number] < cost))
		return false;
	t = s->trials[number];
	n = points_until(&t->points, resource - stop_base(s, t));
	if (n == 0 || !(trial_cost(s, t, n) < cost))
		return false;
	s->hint = number;
	return true;
}

static bool is_best(struct stopper *s, const struct stop_trial *t)
{
	double cost = trial_cost(s, t, t->points.n);
	double resource = t->points.at[t->points.n - 1].step + stop_base(s, t);

	if (isnan(cost))
		return false;
	if (s->hint > 0 && is_better(s, s->hint, resource, cost))
		return false;
	for (uint32_t i = 1; i < s->n_trials; i++)
		if (is_better(s, i, resource, cost))
			return false;
	return true;
}

static void describe_share(double eta, char *out, size_t size)
{
	if (eta == 2 || eta == 3 || eta == 4)
		snprintf(out, size, "%s", eta == 2 ? "half" : eta == 3 ? "third" : "quarter");
	else
		snprintf(out, size, "%.3g %%", 100 / eta);
}

/* At the highest rung that the trial has come to. A search that gets better all the time has most of its trials
 * among the best 1/eta when they come: so no more than that go on. */
static bool judge_rung(const struct stopper *s, const struct stop_trial *t, struct stop_verdict *out)
{
	uint32_t k = rungs_first(&s->rungs, t->bracket) + t->n_entries - 1;
	const struct rung *rung = rungs_at(&s->rungs, t->bracket, k);
	double cost = t->entries[t->n_entries - 1], eta = s->rungs.plan.eta;
	double step = t->points.at[points_below(s, t, s->rungs.plan.at[k])].step;
	size_t going = rung->n - 1 - rung->n_out;
	char share[32];

	if (rung->n < 2)
		return false;
	out->reason = "RungStop";
	describe_share(eta, share, sizeof(share));
	if (cost > rung_quantile(rung, 1 / eta))
		snprintf(out->message, sizeof(out->message),
			"%s %.6g at step %.15g is not among the best %s of the %zu trials that came as far", s->metric,
			stop_shown(s, cost), step, share, rung->n);
	else if ((double)going > (double)rung->n / eta)
		snprintf(out->message, sizeof(out->message),
			"%s %.6g at step %.15g is not the best so far, and of the %zu trials that came as far %zu go on "
			"already, more than a %s",
			s->metric, stop_shown(s, cost), step, rung->n, going, share);
	else
		return false;
	return true;
}

static bool judge_rules(
	struct stopper *s, const struct stop_trial *t, uint32_t index, struct stop_verdict *out)
{
	struct stop_question q = {.s = s, .trial = t, .index = index};
	bool spared = t->number % STOP_SPARE_EVERY == 0, stop = false;

	for (uint32_t i = 0; i < s->p.n_uses; i++) {
		const struct stop_use *use = &s->uses[i];
		char message[STOP_MESSAGE_MAX] = "";

		if ((spared && use->rule->compares) || !use->rule->judge(&q, use->settings, message)) {
			if (s->p.all)
				return false;
			continue;
		}
		if (!stop) { /* with all of them, the first one's words */
			out->reason = use->rule->reason;
			memcpy(out->message, message, sizeof(message));
			stop = true;
		}
		if (!s->p.all)
			return true;
	}
	return stop;
}

/* Nothing is left to save. */
static bool has_come_to_the_end(const struct stopper *s, const struct stop_trial *t)
{
	return last_resource(s, t) >= s->p.max_resource;
}

enum stop_outcome stopper_report(
	struct stopper *s, uint32_t number, double step, double value, struct stop_verdict *out)
{
	enum points_change change;
	struct stop_trial *t;
	uint32_t index, entries;
	bool stop;

	if (!is_kept(number) || !(fabs(step) <= STEP_MAX))
		return STOP_GO;
	if (!(t = need_trial(s, number)))
		return STOP_NO_MEMORY;
	entries = t->n_entries;
	if (!take_in(s, t, (struct algo_point){.step = step, .value = value}, &change, &index))
		return STOP_NO_MEMORY;
	if (change != POINT_NEW || !is_running(t))
		return STOP_GO;
	s->no_memory = false;
	stop = (t->n_entries > entries && judge_rung(s, t, out)) || judge_rules(s, t, index, out);
	if (s->no_memory)
		return STOP_NO_MEMORY;
	if (!stop || has_come_to_the_end(s, t) || (s->n_whole == 0 && s->n_running == 1) || is_best(s, t))
		return STOP_GO;
	out->step = step;
	t->told = true;
	count_out(s, t, true);
	s->n_running--;
	return STOP_NOW;
}

/* ---- ahead ------------------------------------------------------------------------------------- */

/* The trial that ran to its end with the most points; 0: none. */
static uint32_t most_telling(const struct stopper *s)
{
	uint32_t number = 0, n = 0;

	for (uint32_t i = 1; i < s->n_trials; i++) {
		const struct stop_trial *t = s->trials[i];

		if (t && trial_is_whole(s, t) && t->points.n > n) {
			number = i;
			n = t->points.n;
		}
	}
	return number;
}

enum stop_ahead stopper_build_ahead(struct stopper *s)
{
	const struct stop_trial *t;

	if (s->ahead_trial == 0)
		s->ahead_trial = most_telling(s);
	t = stop_trial_at(s, s->ahead_trial);
	if (!t || s->ahead_point >= t->points.n || columns_full(&s->columns, s->n_whole))
		return STOP_AHEAD_DONE;
	for (uint32_t i = 0; i < s->p.n_uses; i++) {
		const struct stop_use *use = &s->uses[i];

		if (use->rule->build_ahead && !use->rule->build_ahead(s, use->settings, t->points.at[s->ahead_point].step))
			return STOP_AHEAD_NO_MEMORY;
	}
	s->ahead_point++;
	return STOP_AHEAD_MORE;
}

/* ---- what is known ----------------------------------------------------------------------------- */

const struct algo_point *stopper_curve(const struct stopper *s, uint32_t number, uint32_t *n)
{
	const struct stop_trial *t = stop_trial_at(s, number);

	*n = t ? t->points.n : 0;
	return *n > 0 ? t->points.at : NULL;
}

uint32_t stopper_rung(
	const struct stopper *s, int32_t bracket, uint32_t k, struct stop_entry *out, uint32_t n)
{
	const struct rung *rung;

	if (bracket < 0 || (uint32_t)bracket >= s->rungs.plan.brackets || k >= s->rungs.plan.n)
		return 0;
	rung = rungs_at(&s->rungs, bracket, k);
	for (uint32_t i = 0; i < n && i < rung->n; i++)
		out[i] = (struct stop_entry){
			.number = rung->entries[i].number, .value = stop_shown(s, rung->entries[i].cost)};
	return (uint32_t)rung->n;
}

size_t stopper_memory(const struct stopper *s)
{
	size_t n =
		sizeof(*s) + s->capacity_trials * sizeof(struct stop_trial *) + s->capacity_lowest * sizeof(double);

	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i])
			n += sizeof(struct stop_trial) + (s->trials[i]->entries ? s->rungs.plan.n * sizeof(double) : 0) +
			     s->trials[i]->points.capacity * (sizeof(struct algo_point) + sizeof(struct stop_prefix));
	return n + rungs_memory(&s->rungs) + columns_memory(&s->columns) + s->memo_bytes;
}
