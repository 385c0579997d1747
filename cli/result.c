#include "cli/result.h"

#include <stdio.h>
#include <string.h>

#include "cli/best.h"
#include "cli/screen.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/file.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"

enum { RESULT_MAX = 16 << 20 };

/* {"experiment", "state", "reason", "bestTrial", "bestValue", "bestParameters"} */
static void write_result(struct strbuf *out, const cJSON *x, bool event)
{
	const cJSON *best = experiment_best(x);
	const cJSON *value = json_get(json_get(best, "values"), experiment_metric(x));
	struct json_writer w;

	jw_init(&w, out);
	jw_object(&w, NULL);
	if (event)
		jw_str(&w, "event", "result");
	jw_str(&w, "experiment", experiment_name_of(x));
	jw_str(&w, "state", experiment_state_of(x));
	jw_str(&w, "reason", json_str_at(x, "/status/reason"));
	if (best) {
		jw_value(&w, "bestTrial", json_get(best, "number"));
		if (value)
			jw_value(&w, "bestValue", value);
		jw_value(&w, "bestParameters", json_get(best, "parameters"));
	}
	if (json_at(x, "/status/saved"))
		jw_value(&w, "saved", json_at(x, "/status/saved"));
	jw_end(&w);
}

static void print_json(const cJSON *x)
{
	struct strbuf out;

	strbuf_init(&out, RESULT_MAX);
	write_result(&out, x, true);
	puts(out.data);
	strbuf_free(&out);
}

void result_print(struct cli *c, const cJSON *x, enum follow_form form)
{
	struct arena *a = c->arena;
	const char *message = json_str_at(x, "/status/message"), *reason = json_str_at(x, "/status/reason");
	const char *best = x ? screen_best(a, x) : NULL;

	if (!x || !experiment_over(x))
		return;
	if (form == FOLLOW_JSON) {
		print_json(x);
		return;
	}
	if (form == FOLLOW_SILENT)
		return;
	printf("%s %s%s%s%s%s%s\n", experiment_name_of(x), experiment_state_of(x), reason ? " (" : "",
		reason ? reason : "", reason ? ")" : "", message && *message ? ": " : "", message ? message : "");
	if (best && form != FOLLOW_LIVE) /* the last picture shows it */
		puts(best);
	if (experiment_saved(a, x))
		puts(experiment_saved(a, x));
	if (json_int_at(x, "/status/trialsFailed", 0) > 0)
		printf("%d trials failed: trimtab logs %s --failed\n", (int)json_int_at(x, "/status/trialsFailed", 0),
			experiment_name_of(x));
}

static bool make_parent(struct arena *a, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');

	return !slash || slash == path || file_mkdirs(arena_strndup(a, path, (size_t)(slash - path)), 0755, e);
}

/* Plainly, not by rename: a pipeline may have mounted the very file. */
static bool write_text(struct arena *a, const char *path, const char *text, struct err *e)
{
	FILE *file;
	bool ok;

	if (!path)
		return true;
	if (!make_parent(a, path, e))
		return false;
	file = fopen(path, "w");
	ok = file && fputs(text, file) >= 0;
	if (file && fclose(file) != 0)
		ok = false;
	return ok || err_set(e, ERR_UNAVAILABLE, "%s cannot be written: %m", path);
}

/* The two copies of a part: its own flag's, and the one in the folder. */
static bool write_part(struct arena *a, const struct result_files *files, const char *path, const char *name,
	const char *text, struct err *e)
{
	if (!write_text(a, path, text, e))
		return false;
	return !files->out_dir || write_text(a, file_join(a, files->out_dir, name), text, e);
}

static void add_html(struct strbuf *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<':
			strbuf_puts(out, "&lt;");
			break;
		case '>':
			strbuf_puts(out, "&gt;");
			break;
		case '&':
			strbuf_puts(out, "&amp;");
			break;
		case '"':
			strbuf_puts(out, "&quot;");
			break;
		default:
			strbuf_putc(out, *text);
		}
}

static void add_row(struct strbuf *out, const char *name, const char *value)
{
	strbuf_puts(out, "<tr><th>");
	add_html(out, name);
	strbuf_puts(out, "</th><td>");
	add_html(out, value);
	strbuf_puts(out, "</td></tr>\n");
}

/* A page for a pipeline's viewer: no script, no link, nothing to load. */
static void write_report(struct strbuf *out, struct arena *a, const char *name, const cJSON *x)
{
	const cJSON *best = x ? experiment_best(x) : NULL;

	strbuf_puts(out,
		"<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>trimtab</title>\n"
		"<style>body{font:16px sans-serif;margin:2em}th{text-align:left;padding-right:2em}</style>\n<h1>");
	add_html(out, name);
	strbuf_puts(out, "</h1>\n<table>\n");
	add_row(out, "State", x ? experiment_state_of(x) : "unknown");
	add_row(out, "Message", x && json_str_at(x, "/status/message") ? json_str_at(x, "/status/message") : "");
	add_row(out, "Trials", x ? show_exact(a, json_at(x, "/status/progress/finished")) : "");
	if (x && experiment_saved(a, x))
		add_row(out, "Early stopping", experiment_saved(a, x));
	if (best)
		add_row(out, "Best trial", show_exact(a, json_get(best, "number")));
	json_each(item, json_get(best, "values"))
		add_row(out, item->string, show_exact(a, item));
	json_each(item, json_get(best, "parameters"))
		add_row(out, item->string, show_exact(a, item));
	strbuf_puts(out, "</table>\n</html>\n");
}

static bool write_return(struct cli *c, const struct result_files *files, const cJSON *x, struct err *e)
{
	struct strbuf out;
	bool ok;

	if (!files->out_dir)
		return true;
	strbuf_init(&out, RESULT_MAX);
	if (x)
		write_result(&out, x, false);
	else
		strbuf_puts(&out, "{}");
	ok = write_text(c->arena, file_join(c->arena, files->out_dir, "return.json"), out.data, e);
	strbuf_free(&out);
	return ok;
}

bool result_write(
	struct cli *c, const struct result_files *files, const char *name, const cJSON *x, struct err *e)
{
	struct arena *a = c->arena;
	const cJSON *best = x ? experiment_best(x) : NULL;
	const cJSON *value = best ? json_get(json_get(best, "values"), experiment_metric(x)) : NULL;
	struct strbuf params, report;
	bool ok;

	strbuf_init(&params, RESULT_MAX);
	strbuf_init(&report, RESULT_MAX);
	if (best)
		best_json(&params, json_get(best, "parameters"));
	else
		strbuf_puts(&params, "{}");
	write_report(&report, a, name, x);
	ok = write_part(a, files, files->params, "best_parameters.json", params.data, e) &&
	     write_part(a, files, files->value, "best_value", show_exact(a, value), e) &&
	     write_part(a, files, files->trial, "best_trial",
			 best ? show_exact(a, json_get(best, "bestTrialName")) : "", e) &&
	     write_part(a, files, files->experiment, "experiment", name, e) &&
	     write_part(a, files, files->report, "report.html", report.data, e) && write_return(c, files, x, e);
	strbuf_free(&params);
	strbuf_free(&report);
	return ok;
}
