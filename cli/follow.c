#include "cli/follow.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/rows.h"
#include "cli/screen.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"

enum {
	PAUSE_MIN_MS = 100,
	PAUSE_MAX_MS = 1000,
	AWAY_SECONDS = 60,       /* a server may be away for this long                   */
	SECOND_SIGNAL_MS = 2000, /* a second Ctrl-C within this time asks to stop        */
	HEARTBEAT_SECONDS = 30,
};

struct follow {
	struct cli *cli;
	const char *name;
	const struct follow_options *o;
	struct screen screen;
	int64_t start_us, last_line_us, away_since_us;
	int64_t version; /* of the newest trial change that has been printed     */
	double best;     /* value of the last trial that was called the best     */
	bool has_best;
	char state[32];
	struct strbuf last; /* the experiment's last document                       */
};

static volatile sig_atomic_t interrupts, terminated;

static void on_signal(int signo)
{
	if (signo == SIGINT)
		interrupts++;
	else
		terminated = 1;
}

void follow_catch_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal};

	sigemptyset(&act.sa_mask);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

enum follow_form follow_form_here(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0 ? FOLLOW_LIVE : FOLLOW_LINES;
}

int result_of(const cJSON *experiment)
{
	return strcmp(experiment_state_of(experiment), "succeeded") == 0 && experiment_best(experiment)
	           ? EXIT_DONE
	           : EXIT_NO_RESULT;
}

/* ---- one line an event --------------------------------------------------------------------------- */

static void print_event(const char *kind, const char *key, const cJSON *v)
{
	struct strbuf out;
	struct json_writer w;

	strbuf_init(&out, 64 << 20);
	jw_init(&w, &out);
	jw_object(&w, NULL);
	jw_str(&w, "event", kind);
	jw_value(&w, key, v);
	jw_end(&w);
	puts(out.data);
	strbuf_free(&out);
}

/* Once: what comes later and is as good shares the rank, but the search has not got better. */
static bool is_new_best(struct follow *f, const cJSON *trial)
{
	const cJSON *values = json_get(trial, "values");
	double value;

	if (json_int_at(trial, "/rank", 0) != 1 || !values || !json_num(values->child, &value))
		return false;
	if (f->has_best && value == f->best)
		return false;
	f->has_best = true;
	f->best = value;
	return true;
}

static void print_trial(struct follow *f, struct arena *a, const cJSON *trial)
{
	const char *reason = json_str(json_get(trial, "reason"));
	const char *state = json_str(json_get(trial, "state"));
	bool good = state && strcmp(state, "succeeded") == 0;

	if (f->o->form == FOLLOW_JSON) {
		print_event("trial", "trial", trial);
		return;
	}
	printf("trial %s %s%s%s  %s  %s%s\n", show_exact(a, json_get(trial, "number")), state, good ? "" : " ",
		good || !reason ? "" : reason, show_params(a, json_get(trial, "values")),
		show_params(a, json_get(trial, "parameters")), is_new_best(f, trial) ? "  (best)" : "");
}

struct news {
	struct follow *follow;
	struct arena *arena;
	int64_t version;
};

static bool take_news(void *ctx, const cJSON *trial)
{
	struct news *n = ctx;
	int64_t version = json_int_at(trial, "/version", 0);

	n->version = version > n->version ? version : n->version;
	if (trial_over(trial)) {
		print_trial(n->follow, n->arena, trial);
		n->follow->last_line_us = clk_now_us();
	}
	return true;
}

/* Trials that ended since the last look. */
static bool print_news(struct follow *f, struct arena *a, const cJSON *x, struct err *e)
{
	struct news news = {f, a, f->version};
	const char *path;

	if (json_int_at(x, "/status/trialsVersion", f->version + 1) == f->version)
		return true;
	path = client_path(
		f->cli->client, a, f->name, arena_printf(a, "/trials?limit=500&after=%lld", (long long)f->version));
	if (!client_each(f->cli->client, a, path, take_news, &news, e))
		return false;
	f->version = news.version;
	return true;
}

static void print_state(struct follow *f, const cJSON *x)
{
	const char *state = experiment_state_of(x);
	const char *message = json_str_at(x, "/status/message");
	bool first = !*f->state;

	if (strcmp(state, f->state) == 0)
		return;
	snprintf(f->state, sizeof f->state, "%s", state);
	if (f->o->form == FOLLOW_JSON)
		print_event("experiment", "experiment", x);
	else if (!first && !experiment_over(x))
		printf("%s %s%s%s\n", f->name, state, message && *message ? ": " : "", message ? message : "");
	f->last_line_us = clk_now_us();
}

static void heartbeat(struct follow *f, struct arena *a, const cJSON *x)
{
	if (f->o->form != FOLLOW_LINES || clk_now_us() - f->last_line_us < HEARTBEAT_SECONDS * CLK_SECOND)
		return;
	f->last_line_us = clk_now_us();
	printf("%s\n", screen_headline(a, x));
}

/* ---- a look -------------------------------------------------------------------------------------- */

/* Argo shows this file's N/M beside the step. */
static void argo_progress(const cJSON *x)
{
	const char *path = getenv("ARGO_PROGRESS_FILE");
	FILE *file = path && *path ? fopen(path, "w") : NULL;
	int64_t total = json_int_at(x, "/status/progress/total", 0);

	if (!file)
		return;
	if (total > 0)
		fprintf(
			file, "%lld/%lld\n", (long long)json_int_at(x, "/status/progress/finished", 0), (long long)total);
	fclose(file);
}

static bool draw(struct follow *f, struct arena *a, const cJSON *x, struct err *e)
{
	const cJSON *running;
	const char *path = client_path(f->cli->client, a, f->name, "/trials?state=running,starting&limit=20");

	if (!client_get(f->cli->client, a, path, &running, e))
		return false;
	screen_draw(&f->screen, a, x, running);
	return true;
}

static bool look(struct follow *f, struct arena *a, const cJSON **x, struct err *e)
{
	struct json_writer w;

	if (!client_get(f->cli->client, a, client_path(f->cli->client, a, f->name, NULL), x, e))
		return false;
	strbuf_reset(&f->last);
	jw_init(&w, &f->last);
	jw_value(&w, NULL, *x);
	argo_progress(*x);
	switch (f->o->form) {
	case FOLLOW_LIVE:
		if (!draw(f, a, *x, e))
			return false;
		break;
	case FOLLOW_LINES:
	case FOLLOW_JSON:
		if (!print_news(f, a, *x, e))
			return false;
		print_state(f, *x);
		heartbeat(f, a, *x);
		break;
	case FOLLOW_SILENT:
		break;
	}
	fflush(stdout);
	return true;
}

/* ---- signals, pauses ----------------------------------------------------------------------------- */

static void pause_ms(int64_t ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL); /* a signal ends it */
}

static void ask_to_stop(struct follow *f)
{
	const char *path = client_path(f->cli->client, f->cli->arena, f->name, "/stop");
	const cJSON *answer;
	struct err e = {0};

	if (client_post(f->cli->client, f->cli->arena, path, "{}", &answer, &e))
		fprintf(stderr, "%s stops: running trials finish, no new one starts.\n", f->name);
	else
		cli_fail(f->cli, &e);
}

static int detach(struct follow *f, int status)
{
	if (f->o->detached)
		*f->o->detached = true;
	if (f->o->come_back)
		fprintf(stderr, "%s goes on. Come back with: %s\n", f->name, f->o->come_back);
	return status;
}

/* EXIT_DONE: nothing happened. */
static int handle_signals(struct follow *f)
{
	if (!interrupts && !terminated)
		return EXIT_DONE;
	screen_leave(&f->screen);
	if (f->o->interrupt == INTERRUPT_STOP || (terminated && f->o->interrupt == INTERRUPT_ASK)) {
		ask_to_stop(f);
		return terminated ? EXIT_TERMINATED : EXIT_INTERRUPTED;
	}
	if (terminated || f->o->interrupt == INTERRUPT_DETACH)
		return detach(f, terminated ? EXIT_TERMINATED : EXIT_INTERRUPTED);
	fprintf(stderr, "\nDetaching. Press Ctrl-C again to stop the experiment.\n");
	pause_ms(SECOND_SIGNAL_MS);
	if (interrupts > 1) {
		ask_to_stop(f);
		return EXIT_INTERRUPTED;
	}
	return detach(f, EXIT_INTERRUPTED);
}

/* True while the error is one that may pass. */
static bool wait_for_server(struct follow *f, const struct err *e)
{
	if (exit_of(e->code) != EXIT_UNREACHABLE)
		return false;
	if (!f->away_since_us) {
		f->away_since_us = clk_now_us();
		screen_leave(&f->screen);
		fprintf(stderr, "trimtab: %s Trying again for %d s.\n", e->detail, AWAY_SECONDS);
	}
	return clk_now_us() - f->away_since_us < AWAY_SECONDS * CLK_SECOND;
}

static bool timed_out(const struct follow *f)
{
	return f->o->timeout_us && clk_now_us() - f->start_us >= f->o->timeout_us;
}

/* Short searches are watched closely, long ones once a second. */
static int64_t pause_of(const struct follow *f)
{
	int64_t ms = (clk_now_us() - f->start_us) / 20000;

	return ms < PAUSE_MIN_MS ? PAUSE_MIN_MS : ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : ms;
}

static int loop(struct follow *f)
{
	for (;;) {
		struct arena *a = arena_new();
		const cJSON *x = NULL;
		struct err e = {0};
		bool ok = look(f, a, &x, &e);
		bool over = ok && experiment_over(x);
		int status = over ? result_of(x) : EXIT_DONE;

		arena_free(a);
		if (over)
			return status;
		if (ok)
			f->away_since_us = 0;
		else if (!wait_for_server(f, &e))
			return cli_fail(f->cli, &e);
		status = handle_signals(f);
		if (status != EXIT_DONE)
			return status;
		if (timed_out(f)) {
			fprintf(stderr, "trimtab: %s has not ended in time\n", f->name);
			return f->o->interrupt == INTERRUPT_STOP ? (ask_to_stop(f), EXIT_TIMEOUT)
			                                         : detach(f, EXIT_TIMEOUT);
		}
		pause_ms(pause_of(f));
	}
}

int follow(struct cli *c, const char *name, const struct follow_options *o, const cJSON **final)
{
	struct follow f = {
		.cli = c, .name = name, .o = o, .start_us = clk_now_us(), .last_line_us = clk_now_us()};
	int status;

	follow_catch_signals();
	screen_init(&f.screen, o->form == FOLLOW_LIVE);
	strbuf_init(&f.last, 64 << 20);
	status = loop(&f);
	screen_leave(&f.screen);
	if (final)
		*final = f.last.len ? json_parse(f.last.data, f.last.len, 0, c->arena, NULL) : NULL;
	strbuf_free(&f.last);
	return status;
}
