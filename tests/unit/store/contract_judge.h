/* Of the contract: points that are judged. */
#pragma once
#include "tests/unit/store/contract.h"

static const struct store_ack *ack_of(const struct store_acks *acks, int64_t id, int number)
{
	for (size_t i = 0; i < acks->n; i++)
		if (acks->items[i].experiment == id && acks->items[i].number == number)
			return &acks->items[i];
	fail_msg("no answer for trial %d", number);
	return NULL;
}

static const struct store_acks *judge(const struct store_point *p, const int64_t *epochs, size_t n,
	const struct store_verdict *v, size_t n_verdicts)
{
	return ASK(store_acks, store_observations_judge(S, A, p, epochs, n, v, n_verdicts, on_acks, NULL));
}

static const struct store_unjudged *unjudged(int64_t id)
{
	return ASK(store_unjudged, store_unjudged_load(S, A, id, "loss", 100, on_unjudged, NULL));
}

static void test_verdicts_come_with_their_points(void **state)
{
	(void)state;
	int64_t id = begin("judged", 1), other = begin("judged-too", 1);
	const int64_t epoch = epoch_of(id);
	add(id, 1, 3, TRIAL_RUNNING, "w1");
	add(other, 1, 1, TRIAL_RUNNING, "w1");
	const int64_t change = get("judged")->change;
	const struct store_point p[] = {{other, 1, "loss", 0, 1, 1000000}, {id, 2, "loss", 0, 5, 1000000},
		{id, 1, "loss", 0, 4, 1000000}, {id, 1, "lat", 0, 9, 1000000}, {id, 77, "loss", 0, 6, 1000000}};
	const int64_t epochs[] = {epoch_of(other), epoch, epoch, STORE_NOT_JUDGED, epoch};
	const struct store_verdict v[] = {{other, epoch_of(other), 1, "PatienceStop", "no better"},
		{id, epoch, 2, "MedianStop", "worse than the median"}};
	const struct store_acks *a = judge(p, epochs, ARRAY_LEN(p), v, ARRAY_LEN(v));
	assert_int_equal(a->n, 3);
	assert_null(ack_of(a, id, 1)->stop);
	assert_string_equal(ack_of(a, id, 2)->stop, "MedianStop");
	assert_string_equal(ack_of(a, id, 2)->message, "worse than the median");
	assert_string_equal(ack_of(a, other, 1)->stop, "PatienceStop");
	assert_int_equal(unjudged(id)->n, 0);
	/* The change says it, and so does an event. */
	assert_int_equal(get("judged")->change, change + 1);
	const struct store_trials *rows =
		ASK(store_trials, store_trials_load(S, A, id, change, 99, 10, on_trials, NULL));
	assert_int_equal(rows->n, 1);
	assert_int_equal(rows->items[0].number, 2);
	assert_int_equal(rows->items[0].state, TRIAL_RUNNING);
	const struct store_event_page q = {.ns = "default", .experiment = "judged", .number = 2, .limit = 1};
	assert_string_equal(ASK(store_events, store_events_page(S, A, &q, on_events, NULL))->items[0].message, v[1].message);
	/* That it has started may be written after it was told to stop. */
	const struct store_trial_move started = {.number = 2, .attempt = 1, .to = TRIAL_RUNNING, .reason = "Running",
		.message = "", .exit_code = STORE_NO_INT};
	rows = ASK(store_trials, store_trials_move(S, A, id, epoch, &started, 1, on_trials, NULL));
	assert_string_equal(rows->items[0].message, "worse than the median");
	/* Sent again, or with another verdict: the first one stays. */
	const struct store_verdict late = {id, epoch, 2, "CurveStop", "hopeless"};
	a = judge(p, epochs, ARRAY_LEN(p), &late, 1);
	assert_string_equal(ack_of(a, id, 2)->stop, "MedianStop");
	assert_string_equal(ack_of(a, id, 2)->message, "worse than the median");
	/* One that is over is not stopped, but its points count. */
	(void)move(id, 3, TRIAL_SUCCEEDED, "Completed");
	const struct store_point after = {id, 3, "loss", 7, 4, 1000000};
	const struct store_verdict too_late = {id, epoch, 3, "MedianStop", "too late"};
	a = judge(&after, &epoch, 1, &too_late, 1);
	assert_null(ack_of(a, id, 3)->stop);
	const struct store_series *s =
		ASK(store_series, store_observations_load(S, A, id, "loss", 3, STORE_NO_STEP, 9, on_series, NULL));
	assert_int_equal(s->n, 1);
	assert_int_equal(s->items[0].step, 7);
}

static void test_a_stale_driver_decides_nothing(void **state)
{
	(void)state;
	int64_t id = begin("stale", 1);
	const int64_t epoch = epoch_of(id), was = epoch + 1; /* whatever is not the one of now */
	add(id, 1, 1, TRIAL_RUNNING, "w1");
	const int64_t change = get("stale")->change;
	const struct store_point p = {id, 1, "loss", 3, 5, 1000000};
	const struct store_verdict v = {id, was, 1, "MedianStop", "worse than the median"};
	const struct store_acks *a = judge(&p, &was, 1, &v, 1);
	assert_null(ack_of(a, id, 1)->stop);
	assert_int_equal(get("stale")->change, change);
	/* What it judged is to be judged by the one that drives now, and is no history before. */
	const struct store_unjudged *u = unjudged(id);
	assert_int_equal(u->n, 1);
	assert_true(u->items[0].number == 1 && u->items[0].step == 3 && u->items[0].value == 5);
	const struct store_series *s =
		ASK(store_series, store_observations_load(S, A, id, "loss", 0, STORE_NO_STEP, 9, on_series, NULL));
	assert_int_equal(s->n, 0);
	const struct store_trial_stop stop = {.number = 1, .reason = "MedianStop", .message = "worse"};
	const int64_t seq = u->items[0].seq;
	assert_true(ASK(store_trials, store_trials_stop(S, A, id, was, &stop, 1, &seq, 1, on_trials, NULL))->fenced);
	assert_int_equal(unjudged(id)->n, 1);
	assert_int_equal(
		ASK(store_trials, store_trials_stop(S, A, id, epoch, &stop, 1, &seq, 1, on_trials, NULL))->n, 1);
	assert_int_equal(unjudged(id)->n, 0);
}

static void test_unjudged_points_are_kept(void **state)
{
	(void)state;
	int64_t id = begin("unjudged", 1), over = begin("unjudged-over", 1);
	add(id, 1, 2, TRIAL_RUNNING, "w1");
	add(over, 1, 1, TRIAL_RUNNING, "w1");
	sql(T.conninfo, "UPDATE core.experiments SET state = 'stopped' WHERE name = 'unjudged-over'");
	assert_int_equal(ASK(store_ids, store_unjudged_look(S, A, (int64_t[]){id, over}, 2, on_ids, NULL))->n, 0);
	/* Points without a step get the next one, and are noted with it. */
	const struct store_point p[] = {{id, 1, "loss", STORE_NO_STEP, 5, 1}, {id, 1, "loss", STORE_NO_STEP, 6, 1},
		{id, 1, "lat", STORE_NO_STEP, 6, 1}, {id, 2, "loss", 4, 7, 1}, {over, 1, "loss", 4, 7, 1}, {id, 9, "loss", 4, 7, 1}};
	const int64_t epochs[] = {STORE_UNJUDGED, STORE_UNJUDGED, STORE_NOT_JUDGED, STORE_UNJUDGED, STORE_UNJUDGED, STORE_UNJUDGED};
	assert_int_equal(judge(p, epochs, ARRAY_LEN(p), NULL, 0)->n, 3);
	const struct store_ids *ids =
		ASK(store_ids, store_unjudged_look(S, A, (int64_t[]){id, over}, 2, on_ids, NULL));
	assert_int_equal(ids->n, 1);
	assert_int_equal(ids->items[0], id);
	const struct store_unjudged *u = unjudged(id);
	assert_int_equal(u->n, 3);
	for (size_t i = 0; i < 2; i++)
		assert_true(u->items[i].number == 1 && u->items[i].step == (int64_t)i && u->items[i].value == 5 + (double)i);
	assert_true(u->items[2].number == 2 && u->items[2].step == 4);
	/* Judged without a verdict: only they go. */
	const int64_t seqs[] = {u->items[0].seq, u->items[1].seq};
	const struct store_trials *rows =
		ASK(store_trials, store_trials_stop(S, A, id, epoch_of(id), NULL, 0, seqs, 2, on_trials, NULL));
	assert_true(rows->n == 0 && !rows->fenced);
	assert_int_equal(unjudged(id)->n, 1);
	(void)ASK(store_experiments, store_experiment_purge(S, A, "default", "unjudged", NULL, 0, on_experiments, NULL));
	assert_string_equal(sql(T.conninfo, "SELECT count(*) FROM core.unjudged"), "0");
}
