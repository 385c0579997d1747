/*
 * Following an experiment to its end: `run` and `watch`.
 *
 * On a terminal a few lines are drawn again and again; elsewhere every finished trial is one line and
 * a heartbeat comes each 30 s; as JSON every event is one line. The server is asked a few times a
 * second at first and once a second later; one that is away for a while is waited for.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"

enum follow_form { FOLLOW_LIVE, FOLLOW_LINES, FOLLOW_JSON, FOLLOW_SILENT };
/* What Ctrl-C and SIGTERM do. ASK: Ctrl-C detaches, a second one or SIGTERM stops the experiment. */
enum follow_interrupt { INTERRUPT_ASK, INTERRUPT_STOP, INTERRUPT_DETACH };

struct follow_options {
	enum follow_form form;
	enum follow_interrupt interrupt;
	int64_t timeout_us;             /* 0: none; then EXIT_TIMEOUT, and the experiment goes on       */
	const char *come_back;          /* how to come back after detaching, or NULL                    */
	bool *detached;                 /* or NULL: set when the experiment goes on without us          */
};

/* Live on a terminal, else lines; json and silent are asked for. */
enum follow_form follow_form_here(void);

/* From now on Ctrl-C and SIGTERM are remembered; follow() does this too, and obeys them. */
void follow_catch_signals(void);

/* Returns the exit code that the result deserves. *final (or NULL) is the last document seen, in the
 * cli's arena, or NULL. */
int follow(struct cli *c, const char *name, const struct follow_options *o, const cJSON **final);
/* EXIT_DONE or EXIT_NO_RESULT of a finished experiment. */
int result_of(const cJSON *experiment);
