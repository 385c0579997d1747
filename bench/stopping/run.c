/*
 * stopping-run: searches with early stopping on problems with learning curves, in simulated time.
 *
 *   stopping-run --who asha-gp --algorithm asha --set sampler=gp --least default --workers 4 --budget 30
 *   stopping-run --who gp-median --algorithm gp --rule "medianstop start_step=4" --trials 50
 *
 * Prints one line of JSON for each problem and seed. stopping-run --decide: what judging costs; --units: the
 * seconds of a full trial of each problem.
 */
#include <fnmatch.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/registry.h"
#include "bench/stopping/decide.h"
#include "bench/stopping/sim.h"

enum { SETTINGS_MAX = 64 };

struct options {
	struct sim_plan plan;
	const char *who, *data, *problems;
	uint64_t first_seed, last_seed;
	struct algo_value settings[SETTINGS_MAX];
	struct algo_value rules[STOP_RULES_MAX][SETTINGS_MAX];
	struct stop_use uses[STOP_RULES_MAX];
	bool decide, units;
};

static void complain(void *ctx, const char *setting, int param, const char *message)
{
	(void)param;
	fprintf(stderr, "%s: %s: %s\n", (const char *)ctx, setting ? setting : "", message);
}

static bool set_algorithm(struct options *o, const char *name)
{
	o->plan.algorithm = algorithm_find(name);
	if (!o->plan.algorithm || o->plan.algorithm->n_settings > SETTINGS_MAX)
		return false;
	algo_settings_init(o->plan.algorithm, o->settings);
	o->plan.settings = o->settings;
	return true;
}

/* Cuts "name=value" in two. */
static char *cut(char *text)
{
	char *value = strchr(text, '=');

	if (value)
		*value++ = '\0';
	return value;
}

static bool set_setting(struct options *o, char *text)
{
	char *value = cut(text);
	int row = value && o->plan.algorithm ? algo_setting_find(o->plan.algorithm, text) : -1;

	return row >= 0 && algo_setting_text(o->plan.algorithm, o->settings, (uint32_t)row, value, complain,
						   (void *)(uintptr_t)o->who);
}

/* "medianstop start_step=4" */
static bool add_rule(struct options *o, char *text)
{
	char *rest = text, *word = strtok_r(NULL, " ", &rest);
	const struct stop_rule *rule = word ? stop_rule_find(word) : NULL;
	struct algo_value *values = o->rules[o->plan.n_uses];

	if (!rule || o->plan.n_uses == STOP_RULES_MAX)
		return false;
	stop_settings_init(rule, values);
	while ((word = strtok_r(NULL, " ", &rest))) {
		char *value = cut(word);
		int row = value ? stop_setting_find(rule, word) : -1;

		if (row < 0 ||
			!stop_setting_text(rule, values, (uint32_t)row, value, complain, (void *)(uintptr_t)o->who))
			return false;
	}
	o->uses[o->plan.n_uses++] = (struct stop_use){.rule = rule, .settings = values};
	o->plan.uses = o->uses;
	return true;
}

static bool read_option(struct options *o, int key, char *value)
{
	char *end;

	switch (key) {
	case 'w':
		o->who = value;
		return true;
	case 'a':
		return set_algorithm(o, value);
	case 's':
		return set_setting(o, value);
	case 'r':
		return add_rule(o, value);
	case 'f':
		o->plan.least = strcmp(value, "default") == 0 ? NAN : atof(value);
		return true;
	case 'p':
		o->problems = value;
		return true;
	case 'd':
		o->data = value;
		return true;
	case 'S':
		o->first_seed = o->last_seed = strtoull(value, &end, 10);
		if (*end == '-')
			o->last_seed = strtoull(end + 1, &end, 10);
		return *end == '\0';
	case 'W':
		o->plan.workers = (uint32_t)atoi(value);
		return o->plan.workers > 0;
	case 'b':
		o->plan.budget = atof(value);
		return o->plan.budget > 0;
	case 't':
		o->plan.trials = (uint32_t)atoi(value);
		return o->plan.trials > 0;
	case 'D':
		o->decide = true;
		return true;
	case 'U':
		o->units = true;
		return true;
	default:
		return false;
	}
}

static bool read_options(struct options *o, int argc, char **argv)
{
	static const struct option table[] = {{"who", 1, NULL, 'w'}, {"algorithm", 1, NULL, 'a'},
		{"set", 1, NULL, 's'}, {"rule", 1, NULL, 'r'}, {"least", 1, NULL, 'f'}, {"problems", 1, NULL, 'p'},
		{"data", 1, NULL, 'd'}, {"seeds", 1, NULL, 'S'}, {"workers", 1, NULL, 'W'}, {"budget", 1, NULL, 'b'},
		{"trials", 1, NULL, 't'}, {"decide", 0, NULL, 'D'}, {"units", 0, NULL, 'U'}, {0}};

	for (int key; (key = getopt_long(argc, argv, "", table, NULL)) >= 0;)
		if (!read_option(o, key, optarg)) {
			fprintf(stderr, "stopping-run: cannot take %s\n", optarg ? optarg : argv[optind - 1]);
			return false;
		}
	if (o->decide || (o->units && o->data))
		return true;
	if (optind == argc && o->plan.algorithm && o->data && (o->plan.budget > 0) != (o->plan.trials > 0))
		return true;
	fprintf(stderr,
		"usage: stopping-run --algorithm NAME [--set NAME=VALUE]... [--rule 'NAME SETTING=VALUE...']...\n"
		"  --problems PATTERN --seeds N-M --workers N (--budget FULL_TRIALS | --trials N) [--least "
	    "N|default]\n"
		"  [--who NAME] [--data FOLDER]; the folder is TRIMTAB_SEARCH_DATA's unless given\n");
	return false;
}

static void print_result(const struct options *o, const struct sim_result *r)
{
	printf("{\"who\":\"%s\",\"problem\":\"%s\",\"seed\":%llu,\"workers\":%u,\"trials\":%u,\"stopped\":%u,"
		   "\"whole\":%u,\"reports\":%u,\"trained\":%.6g,\"best\":%.9g",
		o->who, problems_name(o->plan.all, o->plan.problem), (unsigned long long)o->plan.seed,
		o->plan.workers, r->n_trials, r->n_stopped, r->n_whole, r->n_reports, r->trained, r->best);
	if (o->plan.budget > 0) {
		printf(",\"regret\":[");
		for (int i = 0; i < SIM_GRID; i++) {
			if (isfinite(r->regret[i]))
				printf("%s%.3g", i ? "," : "", r->regret[i]);
			else
				printf("%snull", i ? "," : "");
		}
		printf("]");
	}
	printf("}\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct options o = {.who = "trimtab",
		.data = getenv("TRIMTAB_SEARCH_DATA"),
		.problems = "*",
		.first_seed = 1,
		.last_seed = 1,
		.plan = {.workers = 1}};
	struct problems *all;
	struct sim_result result;
	int status = 0;

	if (!read_options(&o, argc, argv))
		return 2;
	if (o.decide)
		return decide_print() ? 0 : 1;
	if (!(all = problems_open(o.data, 1))) {
		fprintf(stderr, "stopping-run: %s cannot be read\n", o.data);
		return 1;
	}
	o.plan.all = all;
	for (o.plan.problem = 0; o.plan.problem < problems_count(all); o.plan.problem++) {
		if (problems_steps(all, o.plan.problem) == 0 ||
			fnmatch(o.problems, problems_name(all, o.plan.problem), FNM_EXTMATCH) != 0)
			continue;
		if (o.units) {
			printf("{\"problem\":\"%s\",\"seconds\":%.17g}\n", problems_name(all, o.plan.problem),
				sim_full_seconds(all, o.plan.problem));
			continue;
		}
		for (o.plan.seed = o.first_seed; status == 0 && o.plan.seed <= o.last_seed; o.plan.seed++) {
			status = sim_run(&o.plan, &result) ? 0 : 1;
			if (status == 0)
				print_result(&o, &result);
		}
	}
	problems_close(all);
	return status;
}
