/*
 * The plan, case by case. A case is a sentence: the experiment, its budget and counts, then `|` and
 * the trials as number:state with #attempt, @lease, !end of a stop's notice and +flags; and what must come out, in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "server/control/plan.h"

static const struct {
	const char *given, *expect;
} cases[] = {
	/* a fresh experiment: the shortage in one request */
	{"running max 10 par 3 |", "suggest 3"},
	{"running max 10 par 1 |", "suggest 1"},
	{"running max 2 par 3 |", "suggest 2"},
	{"running max 1 par 1 |", "suggest 1"},
	{"running max 0 par 4 |", "suggest 4"},
	{"running max 0 par 100 room 7 |", "suggest 7"},
	{"running max 10 par 3 room 0 |", ""},
	{"running max 10 par 3 room 1 |", "suggest 1"},
	{"running max 1000000 par 1000 |", "suggest 1000"},

	/* one suggestion under way at a time, and it holds its slots */
	{"running max 10 par 3 suggesting 3 |", ""},
	{"running max 10 par 3 suggesting 1 |", ""},
	{"running max 10 par 3 suggesting 1 | 1:pending", "start 1"},
	{"running max 10 par 3 suggesting 2 | 1:pending 2:pending", "start 1"},
	{"running max 10 par 3 suggesting 3 | 1:pending", ""},

	/* pending trials first, oldest first, then the algorithm */
	{"running max 10 par 3 used 1 | 1:pending", "start 1, suggest 2"},
	{"running max 10 par 3 used 3 | 1:pending 2:pending 3:pending", "start 1, start 2, start 3"},
	{"running max 10 par 2 used 3 | 1:pending 2:pending 3:pending", "start 1, start 2"},
	{"running max 10 par 3 used 3 room 1 | 1:pending 2:pending 3:pending", "start 1"},
	{"running max 10 par 3 used 3 room 0 | 1:pending 2:pending 3:pending", ""},
	{"running max 10 par 3 used 2 | 4:pending 9:pending", "start 4, start 9, suggest 1"},
	{"running max 10 par 3 used 2 | 1:running 2:pending", "start 2, suggest 1"},
	{"running max 10 par 3 used 1 room 2 | 1:pending", "start 1, suggest 1"},

	/* slots: starting and running hold one, a trial being written holds one */
	{"running max 10 par 3 used 1 | 1:running", "suggest 2"},
	{"running max 10 par 3 used 2 | 1:running 2:starting", "suggest 1"},
	{"running max 10 par 3 used 3 | 1:running 2:running 3:starting", ""},
	{"running max 10 par 3 used 1 | 1:pending+writing", "suggest 2"},
	{"running max 10 par 1 used 1 | 1:pending+writing", ""},
	{"running max 10 par 2 used 2 | 1:pending+writing 2:pending", "start 2"},
	{"running max 10 par 1 used 2 | 1:running+writing 2:pending", ""},
	{"running max 10 par 2 used 1 | 1:running+stopsent", "suggest 1"},
	{"running max 10 par 1 used 1 | 1:running+stopsent", ""},
	{"running max 10 par 4 used 4 | 1:running 2:running 3:running 4:running", ""},

	/* a program that has ended holds its slot only where its result may change what comes next */
	{"running max 10 par 1 used 1 | 1:running+vacated", ""},
	{"running max 10 par 1 used 1 foreseen | 1:running", ""},
	{"running max 10 par 1 used 1 foreseen | 1:running+vacated", "suggest 1"},
	{"running max 10 par 1 used 2 foreseen | 1:running+vacated 2:pending", "start 2"},
	{"running max 10 par 2 used 3 foreseen | 1:running+vacated 2:running+vacated 3:running", "suggest 1"},
	{"running max 10 par 1 used 2 foreseen | 1:running+vacated 2:running+vacated", ""},
	{"running max 1 par 1 used 1 foreseen | 1:running+vacated", ""},
	{"running max 10 par 1 used 1 foreseen | 1:starting+vacated", "suggest 1"},
	{"running max 10 par 1 used 1 foreseen lost 1 | 1:lost+vacated", "retry 1"},
	{"running max 10 par 1 used 2 foreseen exhausted | 2:running+vacated", ""},

	/* parallelism shrinks below what runs: nothing is killed, nothing is started */
	{"running max 10 par 1 used 3 | 1:running 2:running 3:running", ""},
	{"running max 10 par 1 used 4 | 1:running 2:running 3:running 4:pending", ""},
	{"running max 10 par 2 used 3 | 1:running 2:pending 3:pending", "start 2"},

	/* the budget is strict */
	{"running max 3 par 3 used 3 | 1:running", ""},
	{"running max 3 par 3 used 2 | 1:running", "suggest 1"},
	{"running max 4 par 3 used 3 |", "suggest 1"},
	{"running max 4 par 3 used 3 | 3:running", "suggest 1"},
	{"running max 3 par 3 used 3 suggesting 1 |", ""},
	{"running max 3 par 3 used 5 | 5:running", ""},
	{"running max 0 par 2 used 1000 |", "suggest 2"},
	{"running max 12 par 3 used 11 | 10:running 11:running", "suggest 1"},

	/* the budget is used */
	{"running max 3 par 3 used 3 |", "finish MaxTrialsReached"},
	{"running max 3 par 3 used 4 |", "finish MaxTrialsReached"},
	{"running max 1 par 1 used 1 |", "finish MaxTrialsReached"},
	{"running max 3 par 3 used 3 | 3:running", ""},
	{"running max 3 par 3 used 3 | 3:starting", ""},
	{"running max 3 par 3 used 3 | 3:pending", "start 3"},
	{"running max 3 par 3 used 3 | 3:succeeded+writing", ""},
	{"running max 3 par 3 used 3 failed 3 |", "finish MaxTrialsReached"},
	{"paused max 3 par 3 used 3 |", "finish MaxTrialsReached"},

	/* the search has converged: what runs may finish, nothing is started */
	{"running max 100 par 3 used 40 converged |", "finish Converged"},
	{"running max 100 par 3 used 40 converged | 39:running 40:pending", "end Converged"},
	{"running max 100 par 3 used 40 converged goal |", "finish GoalReached"},
	{"paused max 100 par 3 used 40 converged |", "finish Converged"},
	{"stopping Converged max 100 par 3 used 40 | 39:running 40:pending", "kill 40"},

	/* the space is exhausted */
	{"running max 100 par 3 used 8 exhausted |", "finish SearchSpaceExhausted"},
	{"running max 100 par 3 used 8 exhausted | 8:running", ""},
	{"running max 100 par 3 used 8 exhausted | 8:pending", "start 8"},
	{"running max 8 par 3 used 8 exhausted |", "finish MaxTrialsReached"},
	{"running max 0 par 3 used 0 exhausted |", "finish SearchSpaceExhausted"},
	{"running max 100 par 3 used 8 exhausted suggesting 1 |", ""},
	{"running max 100 par 3 used 8 exhausted lost 1 | 8:lost", "retry 8"},
	{"running max 100 par 3 used 8 exhausted lost 0 | 8:lost", "finish SearchSpaceExhausted"},
	{"paused max 100 par 3 used 8 exhausted |", "finish SearchSpaceExhausted"},

	/* the algorithm cannot go on: what runs ends, then the experiment */
	{"running max 9 par 3 used 2 broken |", "finish AlgorithmError"},
	{"running max 9 par 3 used 2 broken | 2:running", "end AlgorithmError"},
	{"stopping AlgorithmError max 9 par 3 used 2 broken | 2:running", ""},
	{"stopping AlgorithmError max 9 par 3 used 2 broken |", "finish AlgorithmError"},

	/* a goal: what runs is killed */
	{"running max 9 par 3 used 2 goal |", "finish GoalReached"},
	{"running max 9 par 3 used 2 goal | 2:running", "end GoalReached"},
	{"running max 9 par 3 used 2 goal suggesting 1 |", "end GoalReached"},
	{"paused max 9 par 3 used 2 goal |", "finish GoalReached"},
	{"stopping GoalReached max 9 par 3 used 3 | 2:running 3:pending", "stop 2, kill 3"},
	{"stopping GoalReached max 9 par 3 used 3 | 2:running+stopsent", ""},
	{"stopping GoalReached max 9 par 3 used 3 |", "finish GoalReached"},
	{"running max 3 par 3 used 3 goal |", "finish GoalReached"},
	{"running max 9 par 3 used 2 maxfailed 1 failed 1 goal |", "finish GoalReached"},

	/* failures */
	{"running max 9 par 3 used 2 maxfailed 2 failed 1 |", "suggest 3"},
	{"running max 9 par 3 used 2 maxfailed 2 failed 2 |", "finish MaxFailedTrials"},
	{"running max 9 par 3 used 3 maxfailed 2 failed 3 | 3:running", "end MaxFailedTrials"},
	{"running max 9 par 3 used 1 maxfailed 0 failed 0 |", "suggest 3"},
	{"running max 9 par 3 used 1 maxfailed 0 failed 1 |", "finish MaxFailedTrials"},
	{"running max 9 par 3 used 1 maxfailed 1 failed 1 |", "finish MaxFailedTrials"},
	{"running max 9 par 3 used 7 maxfailed -1 failed 7 |", "suggest 2"},
	{"running max 3 par 3 used 3 maxfailed 3 failed 3 |", "finish MaxFailedTrials"},
	{"paused max 9 par 3 used 3 maxfailed 3 failed 3 |", "finish MaxFailedTrials"},
	{"stopping MaxFailedTrials max 9 par 3 used 3 | 1:running 2:starting 3:pending", "stop 1, stop 2, kill 3"},

	/* start-up failures */
	{"running max 9 par 3 used 2 startfail 2 |", "suggest 3"},
	{"running max 9 par 3 used 3 startfail 3 |", "finish StartFailures"},
	{"running max 9 par 3 used 4 startfail 3 | 4:running", "end StartFailures"},
	{"running max 9 par 3 used 4 startfail 4 | 4:starting", "end StartFailures"},
	{"running max 9 par 3 used 4 startfail 3 maxfailed 1 failed 3 |", "finish MaxFailedTrials"},

	/* time */
	{"running max 9 par 3 deadline 100 now 50 |", "suggest 3, wake 100"},
	{"running max 9 par 3 deadline 100 now 99 | 1:running 2:running 3:running", "wake 100"},
	{"running max 9 par 3 deadline 100 now 100 used 1 |", "finish MaxDuration"},
	{"running max 9 par 3 deadline 100 now 101 used 1 | 1:running", "end MaxDuration"},
	{"paused max 9 par 3 deadline 100 now 101 used 1 | 1:running", "end MaxDuration"},
	{"paused max 9 par 3 deadline 100 now 50 used 1 | 1:running", "wake 100"},
	{"stopping MaxDuration max 9 par 3 deadline 100 now 200 used 1 | 1:running", "stop 1"},
	{"stopping MaxDuration max 9 par 3 deadline 100 now 200 used 1 |", "finish MaxDuration"},
	{"running max 9 par 3 deadline 0 now 500 |", "suggest 3"},

	/* paused: nothing new, what runs goes on */
	{"paused max 9 par 3 |", ""},
	{"paused max 9 par 3 used 1 | 1:running", ""},
	{"paused max 9 par 3 used 1 | 1:pending", ""},
	{"paused max 9 par 3 used 1 lost 1 | 1:lost", ""},
	{"paused max 9 par 3 used 1 | 1:running+stop", "stop 1"},
	{"paused max 9 par 3 used 1 | 1:pending+stop", "kill 1"},
	{"paused max 9 par 3 suggesting 2 |", ""},

	/* stop: what runs ends by itself, what waits is killed */
	{"stopping UserStopped max 9 par 3 used 3 | 1:running 2:pending 3:starting", "kill 2"},
	{"stopping UserStopped max 9 par 3 used 3 | 1:running 3:starting", ""},
	{"stopping UserStopped max 9 par 3 used 3 | 1:running 2:pending+writing", ""},
	{"stopping UserStopped max 9 par 3 used 3 | 1:running+stop", "stop 1"},
	{"stopping UserStopped max 9 par 3 used 3 | 2:pending+stop", "kill 2"},
	{"stopping UserStopped max 9 par 3 used 3 suggesting 1 |", ""},
	{"stopping UserStopped max 9 par 3 used 3 |", "finish UserStopped"},
	{"stopping UserStopped max 9 par 3 used 0 |", "finish UserStopped"},
	{"stopping UserStopped max 9 par 3 used 1 lost 2 | 1:lost", "finish UserStopped"},
	{"stopping UserStopped max 9 par 3 used 1 retry 2 | 1:failed", "finish UserStopped"},
	{"stopping UserStopped max 9 par 3 used 1 | 1:killed+writing", ""},
	{"stopping UserStopped max 9 par 3 used 1 goal |", "finish UserStopped"},

	/* cancel: everything is killed */
	{"stopping UserCancelled max 9 par 3 used 3 | 1:running 2:pending 3:starting", "stop 1, kill 2, stop 3"},
	{"stopping UserCancelled max 9 par 3 used 3 | 1:running+stopsent 3:starting+stopsent", ""},
	{"stopping UserCancelled max 9 par 3 used 3 | 1:running+writing", ""},
	{"stopping UserCancelled max 9 par 3 used 3 |", "finish UserCancelled"},
	{"stopping UserStopped cancelling max 9 par 3 used 2 | 1:running 2:pending", "stop 1, kill 2"},
	{"stopping UserStopped cancelling max 9 par 3 used 2 | 1:running+worker", "kill 1"},

	/* one trial is asked to end */
	{"running max 9 par 2 used 2 | 1:running+stop 2:running", "stop 1"},
	{"running max 9 par 2 used 2 | 1:running+stop+stopsent 2:running", ""},
	{"running max 9 par 2 used 2 | 1:pending+stop 2:running", "kill 1, suggest 1"},
	{"running max 9 par 2 used 2 | 1:starting+stop 2:running", "stop 1"},
	{"running max 9 par 2 used 2 | 1:running+stop+worker 2:running", "kill 1"},
	{"running max 9 par 2 used 2 | 1:running+stop+writing 2:running", ""},

	/* retries */
	{"running max 9 par 2 used 1 lost 1 | 1:lost", "retry 1, suggest 1"},
	{"running max 9 par 1 used 1 lost 1 | 1:lost", "retry 1"},
	{"running max 9 par 2 used 1 lost 0 | 1:lost", "suggest 2"},
	{"running max 9 par 2 used 1 lost 1 | 1:lost#2", "suggest 2"},
	{"running max 9 par 2 used 1 lost 2 | 1:lost#2", "retry 1, suggest 1"},
	{"running max 9 par 2 used 1 lost 2 | 1:lost#3", "suggest 2"},
	{"running max 9 par 2 used 1 retry 1 | 1:failed", "retry 1, suggest 1"},
	{"running max 9 par 2 used 1 retry 1 | 1:failed#2", "suggest 2"},
	{"running max 9 par 2 used 1 retry 0 lost 5 | 1:failed", "suggest 2"},
	{"running max 9 par 2 used 1 retry 5 lost 0 | 1:lost", "suggest 2"},
	{"running max 9 par 2 used 1 lost 1 | 1:lost+writing", "suggest 1"},
	{"running max 9 par 2 used 1 lost 1 | 1:lost+stop", "suggest 2"},
	{"running max 2 par 2 used 2 lost 1 | 2:lost", "retry 2"},
	{"running max 2 par 2 used 2 lost 1 | 2:lost#2", "finish MaxTrialsReached"},
	{"running max 2 par 2 used 2 lost 1 | 1:running 2:lost", "retry 2"},
	{"running max 9 par 3 used 2 lost 1 | 1:lost 2:lost", "retry 1, retry 2, suggest 1"},
	{"running max 9 par 1 used 2 lost 1 | 1:lost 2:lost", "retry 1, retry 2"},
	{"running max 9 par 1 used 2 lost 1 | 1:pending#2 2:lost", "retry 2"},

	/* ask/tell: trials are made when somebody waits for them */
	{"running workers max 9 par 3 |", ""},
	{"running workers max 9 par 3 wanted 1 |", "suggest 1"},
	{"running workers max 9 par 3 wanted 2 |", "suggest 2"},
	{"running workers max 9 par 3 wanted 5 |", "suggest 3"},
	{"running workers max 9 par 3 wanted 5 room 0 |", "suggest 3"},
	{"running workers max 2 par 3 wanted 5 used 1 |", "suggest 1"},
	{"running workers max 9 par 3 wanted 2 suggesting 2 |", ""},
	{"running workers max 9 par 3 wanted 1 used 1 | 1:pending", "assign 1"},
	{"running workers max 9 par 3 wanted 3 used 1 | 1:pending", "assign 1, suggest 2"},
	{"running workers max 9 par 3 wanted 0 used 1 | 1:pending", ""},
	{"running workers max 9 par 2 wanted 2 used 1 | 1:running+worker", "suggest 1"},
	{"running workers max 9 par 1 wanted 1 used 1 | 1:running+worker", ""},
	{"running workers max 1 par 1 wanted 1 used 1 |", "finish MaxTrialsReached"},
	{"running workers max 9 par 1 used 1 now 50 | 1:running+worker@100", "wake 100"},
	{"running workers max 9 par 1 used 1 now 100 | 1:running+worker@100", "lose 1"},
	{"running workers max 9 par 2 used 1 wanted 1 now 100 | 1:running+worker@100", "lose 1, suggest 1"},
	{"running workers max 9 par 2 used 2 now 60 | 1:running+worker@100 2:running+worker@80", "wake 80"},
	{"running workers max 9 par 2 used 2 now 90 deadline 95 | 1:running+worker@100 2:running+worker@80", "lose 2, wake 95"},
	{"running workers max 9 par 2 used 1 now 500 | 1:running+worker@100+writing", ""},
	{"running workers max 9 par 2 used 1 now 500 | 1:running+worker", ""},
	{"paused workers max 9 par 2 wanted 2 |", ""},
	{"paused workers max 9 par 2 used 1 now 100 | 1:running+worker@100", "lose 1"},
	{"stopping UserStopped workers max 9 par 2 used 1 wanted 1 now 50 | 1:running+worker@100", "wake 100"},
	{"stopping UserStopped workers max 9 par 2 used 1 now 100 | 1:running+worker@100", "lose 1"},
	{"stopping UserCancelled workers max 9 par 2 used 1 now 50 | 1:running+worker@100", "kill 1"},
	{"running workers max 9 par 2 used 1 lost 1 | 1:lost+worker", "retry 1"},
	{"running workers max 9 par 2 used 1 lost 1 wanted 2 | 1:lost+worker", "retry 1, suggest 1"},

	/* a worker that was told to stop has time to say how far its trial came */
	{"running workers max 9 par 2 used 1 now 50 | 1:running+stop+worker@60!90", "wake 90"},
	{"running workers max 9 par 2 used 1 now 90 | 1:running+stop+worker@60!90", "kill 1"},
	{"running workers max 9 par 2 used 1 now 95 wanted 1 | 1:running+stop+worker!90", "kill 1, suggest 1"},
	{"stopping UserStopped workers max 9 par 2 used 1 now 50 | 1:running+stop+worker!90", "wake 90"},
	{"stopping UserStopped cancelling workers max 9 par 2 used 1 now 50 | 1:running+stop+worker!90", "kill 1"},

	/* one that was stopped gently is not spared when all are killed */
	{"running max 9 par 1 used 1 | 1:running+stop+stopsent+gentle", ""},
	{"stopping UserStopped max 9 par 1 used 1 | 1:running+stop+stopsent+gentle", ""},
	{"stopping UserCancelled max 9 par 1 used 1 | 1:running+stop+stopsent+gentle", "stop 1"},
	{"stopping UserCancelled max 9 par 1 used 1 | 1:running+stop+stopsent", ""},

	/* over is over */
	{"succeeded max 9 par 3 used 9 |", ""},
	{"failed max 9 par 3 used 9 |", ""},
	{"stopped max 9 par 3 used 9 |", ""},
	{"succeeded max 9 par 3 used 1 lost 1 | 1:lost", ""},
	{"stopped max 9 par 3 used 1 wanted 5 workers | 1:pending", ""},
};

enum { TRIALS_MAX = 16 };

struct snapshot {
	struct plan_input in;
	struct plan_trial trials[TRIALS_MAX];
};

static bool read_trial(const char *word, struct plan_trial *t)
{
	char *rest;
	char state[32];
	size_t len;

	*t = (struct plan_trial){.attempt = 1};
	t->number = (int)strtol(word, &rest, 10);
	if (*rest++ != ':')
		return false;
	len = strcspn(rest, "+#@!");
	snprintf(state, sizeof state, "%.*s", (int)len, rest);
	if (!trial_state_parse(state, &t->state))
		return false;
	for (rest += len; *rest; rest += len) {
		const char mark = *rest++;
		len = strcspn(rest, "+#@!");
		if (mark == '#')
			t->attempt = (int)strtol(rest, NULL, 10);
		else if (mark == '@')
			t->lease_until_us = (int)strtol(rest, NULL, 10);
		else if (mark == '!')
			t->stop_due_us = (int)strtol(rest, NULL, 10);
		else if (strncmp(rest, "gentle", len) == 0)
			t->stop_gentle = true;
		else if (strncmp(rest, "writing", len) == 0)
			t->writing = true;
		else if (strncmp(rest, "vacated", len) == 0)
			t->vacated = true;
		else if (strncmp(rest, "worker", len) == 0)
			t->by_worker = true;
		else if (strncmp(rest, "stopsent", len) == 0 && len == 8)
			t->stop_sent = true;
		else if (strncmp(rest, "stop", len) == 0)
			t->stop_wanted = true;
		else
			return false;
	}
	return true;
}

static bool read_number(struct plan_input *in, const char *word, int64_t n)
{
	const struct {
		const char *word;
		int64_t *field;
	} numbers[] = {
		{"max", &in->budget.max_trials},
		{"par", &in->budget.parallel},
		{"maxfailed", &in->budget.max_failed},
		{"deadline", &in->budget.deadline_us},
		{"lost", &in->budget.retry_lost},
		{"retry", &in->budget.retry_failed},
		{"now", &in->now_us},
		{"used", &in->used},
		{"failed", &in->failed},
		{"startfail", &in->start_failures},
		{"wanted", &in->wanted},
		{"suggesting", &in->suggesting},
		{"room", &in->room},
	};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (strcmp(numbers[i].word, word) == 0) {
			*numbers[i].field = n;
			return true;
		}
	return false;
}

static bool read_flag(struct plan_input *in, const char *word)
{
	const struct {
		const char *word;
		bool *field;
	} flags[] = {
		{"workers", &in->by_workers},
		{"goal", &in->goal_reached},
		{"foreseen", &in->foreseen},
		{"exhausted", &in->exhausted},
		{"converged", &in->converged},
		{"broken", &in->algorithm_failed},
		{"cancelling", &in->cancelling},
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (strcmp(flags[i].word, word) == 0) {
			*flags[i].field = true;
			return true;
		}
	return false;
}

static void read_snapshot(const char *given, struct snapshot *s)
{
	char text[256], *save = NULL;
	bool trials = false;

	*s = (struct snapshot){.in = {.budget = {.max_failed = -1}, .room = 1000000}};
	snprintf(text, sizeof text, "%s", given);
	char *word = strtok_r(text, " ", &save);
	if (!experiment_state_parse(word, &s->in.state))
		fail_msg("%s: %s is no state", given, word);
	if (s->in.state == EXPERIMENT_STOPPING)
		s->in.stopping_for = end_reason_parse(strtok_r(NULL, " ", &save));
	while ((word = strtok_r(NULL, " ", &save))) {
		bool ok = true;
		if (strcmp(word, "|") == 0)
			trials = true;
		else if (trials)
			ok = read_trial(word, &s->trials[s->in.n_trials++]);
		else if (!read_flag(&s->in, word))
			ok = read_number(&s->in, word, (int)strtol(strtok_r(NULL, " ", &save), NULL, 10));
		if (!ok)
			fail_msg("%s: what is %s?", given, word);
	}
	s->in.trials = s->trials;
}

static void describe(const struct plan *p, char *out, size_t size)
{
	static const char *const verbs[] = {
		[PLAN_SUGGEST] = "suggest", [PLAN_START] = "start", [PLAN_ASSIGN] = "assign",
		[PLAN_STOP] = "stop", [PLAN_KILL] = "kill", [PLAN_LOSE] = "lose", [PLAN_RETRY] = "retry",
		[PLAN_END] = "end", [PLAN_FINISH] = "finish",
	};
	size_t n = 0;

	out[0] = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_action *a = &p->actions[i];
		n += (size_t)snprintf(out + n, size - n, "%s%s ", n ? ", " : "", verbs[a->kind]);
		if (a->kind == PLAN_END || a->kind == PLAN_FINISH)
			n += (size_t)snprintf(out + n, size - n, "%s", end_reason_name(a->why));
		else
			n += (size_t)snprintf(out + n, size - n, "%d", a->number ? a->number : (int)a->n);
	}
	if (p->wake_at_us)
		snprintf(out + n, size - n, "%swake %d", n ? ", " : "", (int)p->wake_at_us);
}

static void test_cases(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct snapshot s;
		struct plan_action actions[PLAN_ACTIONS_MAX(TRIALS_MAX)];
		struct plan p = {.actions = actions, .max = ARRAY_LEN(actions)};
		char got[256];

		read_snapshot(cases[i].given, &s);
		plan(&s.in, &p);
		describe(&p, got, sizeof got);
		if (strcmp(got, cases[i].expect) != 0) {
			print_error("%s\n  expected: %s\n  planned:  %s\n", cases[i].given, cases[i].expect, got);
			wrong++;
		}
	}
	assert_true(ARRAY_LEN(cases) >= 150);
	assert_int_equal(wrong, 0);
}

/* Every reason survives its way through the database, and ends where its row says. */
static void test_end_reasons(void **state)
{
	(void)state;
	for (int r = END_NONE + 1; r < END_REASONS; r++) {
		assert_int_equal(end_reason_parse(end_reason_name((enum end_reason)r)), r);
		assert_true(experiment_state_over(end_reason_state((enum end_reason)r)));
		assert_true(strlen(end_reason_sentence((enum end_reason)r)) > 0);
	}
	assert_int_equal(end_reason_parse("NoSuchReason"), END_USER_STOPPED);
}

/* Whatever the snapshot: never more than the budget, never more than the slots, beside those whose programs have
 * ended, never the same trial twice, and planning twice is planning once. */
static void test_budget_is_strict(void **state)
{
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct snapshot s = {.in = {.budget = {.max_failed = -1}}};
		struct plan_action actions[PLAN_ACTIONS_MAX(TRIALS_MAX)];
		struct plan p = {.actions = actions, .max = ARRAY_LEN(actions)};
		int64_t holding = 0, vacated = 0, fresh = 0;
#define DRAW(n) (seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17, (int64_t)(seed % (n)))
		s.in.state = (enum experiment_state)DRAW(EXPERIMENT_STATES);
		s.in.stopping_for = (enum end_reason)(1 + DRAW(END_REASONS - 1));
		s.in.budget.max_trials = DRAW(12);
		s.in.budget.parallel = 1 + DRAW(6);
		s.in.budget.retry_lost = DRAW(3);
		s.in.room = DRAW(8);
		s.in.suggesting = DRAW(4) ? 0 : DRAW(3);
		s.in.foreseen = DRAW(3) == 0;
		s.in.n_trials = (size_t)DRAW(TRIALS_MAX);
		s.in.used = (int64_t)s.in.n_trials;
		s.in.trials = s.trials;
		for (size_t i = 0; i < s.in.n_trials; i++) {
			struct plan_trial *t = &s.trials[i];
			*t = (struct plan_trial){.number = (int)i + 1};
			t->attempt = 1 + (int)DRAW(3); /* one after the other: the order of the draws is part of the seed */
			t->state = (enum trial_state)DRAW(TRIAL_STATES);
			t->writing = DRAW(5) == 0;
			t->stop_wanted = DRAW(6) == 0;
			t->stop_sent = DRAW(9) == 0;
			t->vacated = DRAW(4) == 0;
			holding += t->state == TRIAL_RUNNING || t->state == TRIAL_STARTING ||
				(t->state == TRIAL_PENDING && t->writing);
			vacated += s.in.foreseen && t->vacated && (t->state == TRIAL_RUNNING || t->state == TRIAL_STARTING);
		}
#undef DRAW
		plan(&s.in, &p);
		bool seen[TRIALS_MAX + 1] = {false};
		for (size_t i = 0; i < p.n; i++) {
			holding += p.actions[i].kind == PLAN_START ? 1 : 0;
			fresh += p.actions[i].kind == PLAN_SUGGEST ? p.actions[i].n : 0;
			assert_false(p.actions[i].number && seen[p.actions[i].number]);
			seen[p.actions[i].number] = p.actions[i].number != 0;
			assert_false(p.actions[i].number && s.trials[p.actions[i].number - 1].writing);
		}
		const bool starts = fresh > 0;
		if (starts) {
			const int64_t beside = vacated < s.in.budget.parallel ? vacated : s.in.budget.parallel;
			assert_true(holding - beside + fresh + s.in.suggesting <= s.in.budget.parallel);
			assert_int_equal(s.in.suggesting, 0);
			assert_true(s.in.budget.max_trials == 0 ||
				s.in.used + fresh <= s.in.budget.max_trials);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_end_reasons),
		cmocka_unit_test(test_budget_is_strict),
	};
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
