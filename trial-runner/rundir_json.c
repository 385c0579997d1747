/* The documents in a run's folder: sheet, journal, stop order. Read leniently, for an older or newer
 * version of this program may have written them. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "lib/json_write.h"
#include "trial-runner/rundir.h"

enum { DOCUMENT_MAX = 8 << 20 };

static const char *const collector_names[] = {
	[RUN_COLLECT_NONE] = "none",
	[RUN_COLLECT_STDOUT] = "stdout",
	[RUN_COLLECT_FILE] = "file",
};

static void put_strings(struct json_writer *w, const char *key, const char *const *list)
{
	if (!list)
		return;
	jw_array(w, key);
	for (; *list; list++)
		jw_str(w, NULL, *list);
	jw_end(w);
}

static bool put_file(int dir, const char *name, struct strbuf *text, struct err *e)
{
	bool ok = text->failed ? err_set(e, ERR_TOO_LARGE, "the order of a trial is above %d MiB", DOCUMENT_MAX >> 20)
	                       : rundir_write(dir, name, text->data, text->len, e);

	strbuf_free(text);
	return ok;
}

static void put_metrics(struct json_writer *w, const struct run_metrics *m)
{
	jw_object(w, "metrics");
	jw_str(w, "collector", collector_names[m->collector]);
	jw_bool(w, "fallback", m->fallback);
	jw_bool(w, "json_lines", m->json_lines);
	jw_str(w, "path", m->path);
	put_strings(w, "wanted", m->wanted);
	put_strings(w, "patterns", m->patterns);
	jw_end(w);
}

bool rundir_write_sheet(int dir, const struct run_sheet *sheet, struct err *e)
{
	const struct run_order *o = &sheet->order;
	struct strbuf text;
	struct json_writer w;

	strbuf_init(&text, DOCUMENT_MAX);
	jw_init(&w, &text);
	jw_object(&w, NULL);
	jw_int(&w, "experiment_id", o->key.experiment_id);
	jw_int(&w, "number", o->key.number);
	jw_int(&w, "attempt", o->key.attempt);
	jw_str(&w, "uid", o->key.uid);
	jw_str(&w, "namespace", o->ns);
	jw_str(&w, "experiment", o->experiment);
	jw_str(&w, "trial", o->trial);
	put_strings(&w, "argv", o->argv);
	put_strings(&w, "env", o->env);
	jw_str(&w, "cwd", o->cwd);
	jw_int(&w, "timeout_us", o->timeout_us);
	jw_int(&w, "grace_us", o->grace_us);
	jw_num(&w, "cpu", o->resources.cpu);
	jw_int(&w, "memory", o->resources.memory);
	jw_int(&w, "gpu", o->resources.gpu);
	put_metrics(&w, &o->metrics);
	jw_str(&w, "gpus", sheet->gpus);
	jw_int(&w, "log_max", sheet->log_max);
	jw_end(&w);
	return put_file(dir, RUNDIR_SHEET, &text, e);
}

static const cJSON *get_file(int dir, const char *name, struct arena *a)
{
	size_t n;
	const char *text = rundir_read(dir, name, a, &n);

	return text ? json_parse(text, n, DOCUMENT_MAX, a, NULL) : NULL;
}

static int64_t get_int(const cJSON *o, const char *key, int64_t dflt)
{
	int64_t v;

	return json_int(json_get(o, key), &v) ? v : dflt;
}

static bool get_bool(const cJSON *o, const char *key)
{
	const cJSON *v = json_get(o, key);

	return v && v->type == cJSON_True;
}

static const char *const *get_strings(const cJSON *o, const char *key, struct arena *a)
{
	const cJSON *list = json_get(o, key);
	const char **out;
	size_t n = 0;

	if (!list)
		return NULL;
	json_each(item, list)
		n++;
	out = ARENA_NEW_N(a, const char *, n + 1);
	n = 0;
	json_each(item, list) {
		if (json_str(item))
			out[n++] = json_str(item);
	}
	return out;
}

static void get_metrics(const cJSON *doc, struct run_metrics *m, struct arena *a)
{
	const char *name = json_str(json_get(doc, "collector"));

	for (size_t i = 0; name && i < ARRAY_LEN(collector_names); i++) {
		if (strcmp(name, collector_names[i]) == 0)
			m->collector = (enum run_collector)i;
	}
	m->fallback = get_bool(doc, "fallback");
	m->json_lines = get_bool(doc, "json_lines");
	m->path = json_str(json_get(doc, "path"));
	m->wanted = get_strings(doc, "wanted", a);
	m->patterns = get_strings(doc, "patterns", a);
}

static void get_key(const cJSON *doc, struct run_key *key)
{
	const char *uid = json_str(json_get(doc, "uid"));

	key->experiment_id = get_int(doc, "experiment_id", 0);
	key->number = (int32_t)get_int(doc, "number", 0);
	key->attempt = (int32_t)get_int(doc, "attempt", 0);
	snprintf(key->uid, sizeof key->uid, "%s", uid ? uid : "");
}

const struct run_sheet *rundir_read_sheet(int dir, struct arena *a)
{
	const cJSON *doc = get_file(dir, RUNDIR_SHEET, a);
	struct run_sheet *sheet;
	struct run_order *o;

	if (!doc)
		return NULL;
	sheet = ARENA_NEW(a, struct run_sheet);
	o = &sheet->order;
	get_key(doc, &o->key);
	o->ns = json_str(json_get(doc, "namespace"));
	o->experiment = json_str(json_get(doc, "experiment"));
	o->trial = json_str(json_get(doc, "trial"));
	o->argv = get_strings(doc, "argv", a);
	o->env = get_strings(doc, "env", a);
	o->cwd = json_str(json_get(doc, "cwd"));
	o->timeout_us = get_int(doc, "timeout_us", 0);
	o->grace_us = get_int(doc, "grace_us", 0);
	json_num(json_get(doc, "cpu"), &o->resources.cpu);
	o->resources.memory = get_int(doc, "memory", 0);
	o->resources.gpu = (int32_t)get_int(doc, "gpu", 0);
	get_metrics(json_get(doc, "metrics"), &o->metrics, a);
	sheet->gpus = json_str(json_get(doc, "gpus"));
	sheet->log_max = get_int(doc, "log_max", 0);
	return o->argv && o->argv[0] && o->env ? sheet : NULL;
}

/* --- the journal ---------------------------------------------------------------------------------- */

static bool append_line(int dir, int64_t *at, struct strbuf *text)
{
	bool ok;

	assert(!text->failed && !memchr(text->data, '\n', text->len));
	strbuf_putc(text, '\n');
	ok = rundir_append(dir, RUNDIR_JOURNAL, at, text->data, text->len);
	strbuf_free(text);
	return ok;
}

bool rundir_note_started(int dir, int64_t *at, int64_t wall_us)
{
	struct strbuf text;
	struct json_writer w;

	strbuf_init(&text, DOCUMENT_MAX);
	jw_init(&w, &text);
	jw_object(&w, NULL);
	jw_str(&w, "event", "started");
	jw_int(&w, "time_us", wall_us);
	jw_end(&w);
	return append_line(dir, at, &text);
}

bool rundir_note_ended(int dir, int64_t *at, const struct run_status *s)
{
	struct strbuf text;
	struct json_writer w;

	strbuf_init(&text, DOCUMENT_MAX);
	jw_init(&w, &text);
	jw_object(&w, NULL);
	jw_str(&w, "event", "ended");
	jw_int(&w, "time_us", s->ended_us);
	jw_bool(&w, "started", s->started);
	jw_bool(&w, "ended_by_system", s->ended_by_system);
	jw_int(&w, "exit_code", s->exit_code);
	jw_int(&w, "signal", s->signal);
	jw_bool(&w, "stopped", s->stopped);
	jw_bool(&w, "timed_out", s->timed_out);
	jw_bool(&w, "oom", s->oom);
	jw_str(&w, "stop_reason", s->stop_reason);
	jw_str(&w, "reason", s->reason);
	jw_str(&w, "message", s->message);
	jw_end(&w);
	return append_line(dir, at, &text);
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static const struct run_status *get_status(const cJSON *line, struct arena *a)
{
	struct run_status *s = ARENA_NEW(a, struct run_status);

	s->started = get_bool(line, "started");
	s->ended_by_system = get_bool(line, "ended_by_system");
	s->exit_code = (int)get_int(line, "exit_code", -1);
	s->signal = (int)get_int(line, "signal", 0);
	s->stopped = get_bool(line, "stopped");
	s->timed_out = get_bool(line, "timed_out");
	s->oom = get_bool(line, "oom");
	s->stop_reason = json_str(json_get(line, "stop_reason"));
	s->reason = or_empty(json_str(json_get(line, "reason")));
	s->message = or_empty(json_str(json_get(line, "message")));
	s->ended_us = get_int(line, "time_us", 0);
	return s;
}

static void get_claim(const cJSON *line, struct run_journal *j)
{
	char ours[RUNDIR_NAMESPACE_MAX];

	rundir_pid_namespace(ours);
	j->supervisor = get_int(line, "pid", 0);
	j->pid_is_ours = strcmp(ours, or_empty(json_str(json_get(line, "namespace")))) == 0;
}

static void get_entry(const cJSON *line, struct run_journal *j, struct arena *a)
{
	const char *event = or_empty(json_str(json_get(line, "event")));

	if (strcmp(event, "claimed") == 0)
		get_claim(line, j);
	else if (strcmp(event, "started") == 0)
		j->started_us = get_int(line, "time_us", 0);
	else if (strcmp(event, "ended") == 0)
		j->status = get_status(line, a);
}

const struct run_journal *rundir_read_journal(int dir, struct arena *a)
{
	struct run_journal *j;
	size_t n;
	const char *text = rundir_read(dir, RUNDIR_JOURNAL, a, &n), *end;

	if (!text)
		return NULL;
	j = ARENA_NEW(a, struct run_journal);
	for (; (end = strchr(text, '\n')); text = end + 1) {
		const cJSON *line = json_parse(text, (size_t)(end - text), DOCUMENT_MAX, a, NULL);

		if (line)
			get_entry(line, j, a);
	}
	return j;
}

/* --- the stop order ------------------------------------------------------------------------------- */

bool rundir_write_stop(int dir, const struct run_stop *stop, struct err *e)
{
	struct strbuf text;
	struct json_writer w;

	strbuf_init(&text, DOCUMENT_MAX);
	jw_init(&w, &text);
	jw_object(&w, NULL);
	jw_str(&w, "reason", stop->reason);
	jw_int(&w, "notice_us", stop->notice_us);
	jw_int(&w, "grace_us", stop->grace_us);
	jw_end(&w);
	return put_file(dir, RUNDIR_STOP_ORDER, &text, e);
}

const struct run_stop *rundir_read_stop(int dir, struct arena *a)
{
	const cJSON *doc = get_file(dir, RUNDIR_STOP_ORDER, a);
	struct run_stop *stop;

	if (!doc)
		return NULL;
	stop = ARENA_NEW(a, struct run_stop);
	stop->reason = json_str(json_get(doc, "reason"));
	stop->notice_us = get_int(doc, "notice_us", 0);
	stop->grace_us = get_int(doc, "grace_us", -1);
	return stop;
}
