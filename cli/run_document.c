/* `trimtab run --lr=log:1e-5..1e-1 --minimize loss -- python3 train.py '--lr=${lr}'` as a document. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/input.h"
#include "cli/run.h"
#include "cli/space_flag.h"
#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "lib/strbuf.h"

enum { DOCUMENT_MAX = 4 << 20, PATH_LENGTH = 4096 };

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "python3 train.py" is called train: the first word that is neither an interpreter nor a flag. */
static const char *name_of_command(struct cli *c)
{
	static const char *const interpreters[] = {
		"python", "sh", "bash", "env", "perl", "ruby", "node", "Rscript", "julia"};
	const char *name = "run";

	for (size_t i = 0; i < c->options.n_command; i++) {
		const char *word = base_name(c->options.command[i]);
		bool interpreter = false;

		for (size_t k = 0; k < ARRAY_LEN(interpreters); k++)
			interpreter |= strncmp(word, interpreters[k], strlen(interpreters[k])) == 0;
		if (*word && *word != '-' && !interpreter) {
			name = word;
			break;
		}
	}
	return arena_strndup(c->arena, name, strcspn(name, ". "));
}

static void write_metadata(struct cli *c, const struct run_values *v, struct json_writer *w)
{
	const char *prefix = v->document.generate_name ? v->document.generate_name : name_of_command(c);

	jw_object(w, "metadata");
	jw_str(w, "name", v->document.name ? v->document.name : generate_name(c->arena, prefix));
	if (v->labels.n) {
		jw_object(w, "labels");
		for (size_t i = 0; i < v->labels.n; i++) {
			const char *text = v->labels.items[i];
			size_t n = strcspn(text, "=");

			jw_str(w, arena_strndup(c->arena, text, n), text[n] ? text + n + 1 : "");
		}
		jw_end(w);
	}
	jw_end(w);
}

static void write_objectives(struct cli *c, const struct run_values *v, struct json_writer *w)
{
	const struct {
		const struct option_list *metrics;
		const char *direction;
	} both[] = {{&v->minimize, "minimize"}, {&v->maximize, "maximize"}};
	bool goal = options_given(&c->options, "goal");

	jw_array(w, "objectives");
	for (size_t k = 0; k < ARRAY_LEN(both); k++)
		for (size_t i = 0; i < both[k].metrics->n; i++) {
			jw_object(w, NULL);
			jw_str(w, "metric", both[k].metrics->items[i]);
			jw_str(w, "direction", both[k].direction);
			if (goal)
				jw_num(w, "goal", v->goal);
			goal = false;
			jw_end(w);
		}
	jw_end(w);
}

static bool write_parameters(struct cli *c, const struct run_values *v, struct json_writer *w, struct err *e)
{
	jw_object(w, "parameters");
	for (size_t i = 0; i < v->n_parameters; i++)
		if (!space_flag_write(w, c->arena, v->parameters[i].name, v->parameters[i].space, e))
			return false;
	jw_end(w);
	return true;
}

/* 81, 3..81 or epochs. What is none of them, the server refuses as the parameter that it is not. */
static void write_fidelity(struct cli *c, const char *text, struct json_writer *w)
{
	const char *dots = strstr(text, ".."), *max = dots ? dots + 2 : text;
	const char *min = dots ? arena_strndup(c->arena, text, (size_t)(dots - text)) : NULL;
	double x;

	jw_object(w, "fidelity");
	if (!num_parse(max, strlen(max), false, &x) || (min && !num_parse(min, strlen(min), false, &x))) {
		jw_str(w, "parameter", text);
	} else {
		if (min)
			jw_raw(w, "min", word_json(c->arena, min));
		jw_raw(w, "max", word_json(c->arena, max));
	}
	jw_end(w);
}

static void write_early_stopping(const struct option_list *rules, struct json_writer *w)
{
	if (rules->n == 0)
		return;
	jw_object(w, "earlyStopping");
	if (rules->n == 1) {
		jw_str(w, "name", rules->items[0]);
	} else {
		jw_array(w, "any");
		for (size_t i = 0; i < rules->n; i++) {
			jw_object(w, NULL);
			jw_str(w, "name", rules->items[i]);
			jw_end(w);
		}
		jw_end(w);
	}
	jw_end(w);
}

static void write_search(struct cli *c, const struct run_values *v, struct json_writer *w)
{
	if (v->algorithm || options_given(&c->options, "seed")) {
		jw_object(w, "algorithm");
		jw_str(w, "name", v->algorithm ? v->algorithm : "random");
		if (options_given(&c->options, "seed"))
			jw_int(w, "seed", v->seed);
		jw_end(w);
	}
	if (v->fidelity)
		write_fidelity(c, v->fidelity, w);
	write_early_stopping(&v->early_stopping, w);
	jw_object(w, "budget");
	jw_int(w, "maxTrials", v->max_trials);
	if (v->parallel)
		jw_int(w, "parallelTrials", v->parallel);
	if (options_given(&c->options, "max-failed"))
		jw_int(w, "maxFailedTrials", v->max_failed);
	if (v->max_duration_us)
		jw_num(w, "maxDuration", (double)v->max_duration_us / 1e6);
	jw_end(w);
}

/* The trial sees this shell's search path, as if it had been started here: an active virtual
 * environment stays active. */
static void write_env(struct cli *c, const struct run_values *v, struct json_writer *w)
{
	static const char *const ours[] = {"PATH", "VIRTUAL_ENV"};

	jw_object(w, "env");
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (getenv(ours[i]))
			jw_str(w, ours[i], getenv(ours[i]));
	for (size_t i = 0; i < v->env.n; i++) {
		const char *text = v->env.items[i];
		size_t n = strcspn(text, "=");

		jw_str(w, arena_strndup(c->arena, text, n), text[n] ? text + n + 1 : "");
	}
	jw_end(w);
}

static bool write_trial(struct cli *c, const struct run_values *v, struct json_writer *w, struct err *e)
{
	char here[PATH_LENGTH];

	if (!v->working_directory && !getcwd(here, sizeof here))
		return err_set(e, ERR_INVALID, "the present folder has no name: %m; give --working-directory");
	jw_object(w, "trial");
	jw_array(w, "command");
	for (size_t i = 0; i < c->options.n_command; i++)
		jw_str(w, NULL, c->options.command[i]);
	jw_end(w);
	write_env(c, v, w);
	jw_str(w, "workingDirectory", v->working_directory ? v->working_directory : here);
	if (v->trial_timeout_us)
		jw_num(w, "timeout", (double)v->trial_timeout_us / 1e6);
	if (v->metrics_file) {
		jw_object(w, "metrics");
		jw_str(w, "collector", "file");
		jw_str(w, "path", v->metrics_file);
		jw_end(w);
	}
	jw_end(w);
	return true;
}

static bool write_document(struct cli *c, const struct run_values *v, struct json_writer *w, struct err *e)
{
	jw_object(w, NULL);
	jw_str(w, "apiVersion", "trimtab/v1");
	jw_str(w, "kind", "Experiment");
	write_metadata(c, v, w);
	jw_object(w, "spec");
	write_objectives(c, v, w);
	if (!write_parameters(c, v, w, e))
		return false;
	write_search(c, v, w);
	if (!write_trial(c, v, w, e))
		return false;
	jw_end(w);
	jw_end(w);
	return true;
}

/* What a document cannot do without. */
static bool check_words(struct cli *c, const struct run_values *v, struct err *e)
{
	if (!v->minimize.n && !v->maximize.n)
		return err_set(e, ERR_INVALID, "say what to optimise: --minimize METRIC or --maximize METRIC");
	if (!v->n_parameters)
		return err_set(
			e, ERR_INVALID, "say what to search, as in --lr=log:1e-5..1e-1 or --optimizer=sgd,adam");
	if (!c->options.n_command)
		return err_set(
			e, ERR_INVALID, "the command after -- is missing, as in -- python3 train.py '--lr=${lr}'");
	return true;
}

bool run_document(struct cli *c, const struct run_values *v, struct document *out, struct err *e)
{
	struct strbuf b;
	struct json_writer w;
	struct changes changes = {0};
	bool ok = check_words(c, v, e);

	for (size_t i = 0; ok && i < v->document.set.n; i++)
		ok = changes_add(&changes, c->arena, v->document.set.items[i], e);
	if (!ok)
		return false;
	strbuf_init(&b, DOCUMENT_MAX);
	jw_init(&w, &b);
	ok = write_document(c, v, &w, e) && !b.failed;
	ok = ok && document_parse(
				   arena_strdup(c->arena, b.data), b.len, "the command line", &changes, c->arena, out, e);
	strbuf_free(&b);
	return ok;
}
