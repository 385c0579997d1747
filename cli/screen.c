#include "cli/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/rows.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/strbuf.h"

enum { SCREEN_MAX = 1 << 20, ROWS_MAX = 20 };

void screen_init(struct screen *s, bool live)
{
	const char *no_colour = getenv("NO_COLOR");

	*s = (struct screen){.live = live, .colour = live && !(no_colour && *no_colour)};
}

static const char *count(struct arena *a, const cJSON *x, const char *pointer, const char *word)
{
	int64_t n = json_int_at(x, pointer, 0);

	return n ? arena_printf(a, "  %d %s", (int)n, word) : "";
}

const char *screen_headline(struct arena *a, const cJSON *x)
{
	int64_t done = json_int_at(x, "/status/progress/finished", 0),
			total = json_int_at(x, "/status/progress/total", 0);
	int64_t eta = json_int_at(x, "/status/progress/etaSeconds", -1);
	const char *progress =
		total ? arena_printf(a, "%d/%d done", (int)done, (int)total) : arena_printf(a, "%d done", (int)done);
	const char *state = experiment_state_of(x);
	const char *algorithm = json_str_at(x, "/spec/algorithm/name");

	return arena_printf(a, "%s  %s  %s %s  %s%s%s%s%s  %s%s%s", experiment_name_of(x),
		algorithm ? algorithm : "", experiment_direction(x), experiment_metric(x), progress,
		count(a, x, "/status/trialsRunning", "running"), count(a, x, "/status/trialsFailed", "failed"),
		strcmp(state, "running") == 0 ? "" : "  ", strcmp(state, "running") == 0 ? "" : state,
		show_took(a, json_str_at(x, "/status/startTime"), json_str_at(x, "/status/completionTime")),
		eta >= 0 ? "  eta " : "", eta >= 0 ? show_clock(a, eta) : "");
}

/* "(6 trials ago)": is the search still improving? */
static const char *since_best(struct arena *a, const cJSON *x, const cJSON *best)
{
	int64_t ago = json_int_at(x, "/status/trials", 0) - json_int_at(best, "/number", 0);

	return ago > 1 ? arena_printf(a, "  (%d trials ago)", (int)ago) : "";
}

const char *screen_best(struct arena *a, const cJSON *x)
{
	const cJSON *best = experiment_best(x);

	if (!best)
		return NULL;
	return arena_printf(a, "best  #%s  %s  %s%s", show_exact(a, json_get(best, "number")),
		show_params(a, json_get(best, "values")), show_params(a, json_get(best, "parameters")),
		experiment_over(x) ? "" : since_best(a, x, best));
}

static void add_trials(struct strbuf *out, struct arena *a, const cJSON *x, const cJSON *running)
{
	struct trial_columns columns;
	struct table t;

	trial_columns_of(&columns, x, false);
	table_init(&t, a);
	table_column(&t, "TRIAL");
	table_column(&t, "STATE");
	table_column(&t, "STEP");
	for (size_t i = 0; i < columns.n_metrics; i++)
		table_column(&t, columns.metrics[i]);
	for (size_t i = 0; i < columns.n_params; i++)
		table_column(&t, columns.params[i]);
	table_column(&t, "TIME");
	json_each(trial, json_get(running, "items")) {
		table_cell(&t, show_exact(a, json_get(trial, "number")));
		table_cell(&t, json_str(json_get(trial, "state")));
		table_cell(&t, show_exact(a, json_get(trial, "lastStep")));
		for (size_t i = 0; i < columns.n_metrics; i++)
			table_cell(&t, show_value(a, json_get(json_get(trial, "values"), columns.metrics[i])));
		for (size_t i = 0; i < columns.n_params; i++)
			table_cell(&t, show_value(a, json_get(json_get(trial, "parameters"), columns.params[i])));
		table_cell(&t, show_took(a, json_str(json_get(trial, "startedAt")), NULL));
	}
	if (t.n_cells)
		table_print(&t, out, true, true);
	if (json_int_at(running, "/remainingItemCount", 0) > 0)
		strbuf_printf(out, "... %d more running\n", (int)json_int_at(running, "/remainingItemCount", 0));
}

/* Cuts every line at the terminal's width, so that one line is one row and the cursor finds back. */
static unsigned print_cut(const char *text, unsigned width)
{
	unsigned lines = 0;

	for (; *text; lines++) {
		size_t n = strcspn(text, "\n"), column = 0, end = 0;

		while (end < n && column < width) {
			end++;
			while (end < n && ((unsigned char)text[end] & 0xc0) == 0x80)
				end++;
			column++;
		}
		fwrite(text, 1, end, stdout);
		fputs("\033[K\n", stdout);
		text += n + (text[n] == '\n');
	}
	return lines;
}

void screen_draw(struct screen *s, struct arena *a, const cJSON *experiment, const cJSON *running)
{
	const char *best = screen_best(a, experiment);
	struct strbuf out;

	strbuf_init(&out, SCREEN_MAX);
	strbuf_printf(&out, "%s\n", screen_headline(a, experiment));
	if (best)
		strbuf_printf(&out, "%s\n", best);
	if (!experiment_over(experiment))
		add_trials(&out, a, experiment, running);
	if (s->lines)
		printf("\033[%uA\r", s->lines);
	s->lines = print_cut(out.data, terminal_width());
	fputs("\033[J", stdout);
	strbuf_free(&out);
}

void screen_leave(struct screen *s)
{
	fflush(stdout);
	s->lines = 0;
}
