/*
 * search-run: runs search algorithms on the benchmark's problems and compares them.
 *
 *   search-run --algorithm gp --problems quick
 *   search-run --algorithm gp --set n_startup_trials=5 --problems tables,functions --seeds 1-5
 *   search-run --report --beside trimtab-gp,trimtab-tpe
 *   search-run --time --algorithm gp
 *
 * Results go to a folder, one file per search; what stands there is not run again.
 */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "algorithms/registry.h"
#include "bench/search/results.h"
#include "bench/search/timing.h"

enum { SEEDS_OF_RANDOM = 31, WHOS_MAX = 64, SOURCE_TRIALS = 50 };
static const char random_who[] = "trimtab-random";

struct options {
	const char *algorithm, *problems, *out, *data, *label, *beside;
	const char *settings[STUDY_SETTINGS_MAX];
	uint32_t n_settings, trials, parallel, instance, warm;
	uint64_t first_seed, last_seed;
	enum study_spoil spoil;
	bool report, per_problem, list, time;
};

static const char *const spoils[] = {[STUDY_AS_THEY_ARE] = "", [STUDY_NEGATED] = "negated",
	[STUDY_RANDOM] = "random", [STUDY_MIRRORED] = "mirrored", [STUDY_FEW] = "few", [STUDY_FAILED] = "failed"};

/* A sample of every kind that a suggestion of 5 ms gets through in two minutes. */
static const char *const quick[] = {
	"functions/branin",
	"functions/hartmann-6",
	"functions/ackley-5",
	"functions/rosenbrock-4",
	"functions/levy-8",
	"functions/shekel-4",
	"functions/powell-8",
	"functions/goldstein-price",
	"bbob/f02-d05",
	"bbob/f06-d05",
	"bbob/f08-d10",
	"bbob/f14-d10",
	"bbob/f15-d05",
	"bbob/f20-d02",
	"bbob/f21-d05",
	"bbob/f01-d20",
	"tables/*",
	"mixed/*",
	NULL,
};

/* ---- options ----------------------------------------------------------------------------------- */

static void usage(FILE *file)
{
	fputs("usage: search-run [options]\n"
		  "  --algorithm NAME      random\n"
		  "  --set NAME=VALUE      a setting; may come several times\n"
		  "  --problems LIST       sets (functions, bbob, mixed, multi, tables, draws, yahpo, curves,\n"
		  "                        noisy, family, quick, all)\n"
		  "                        or patterns (bbob/f*-d05), separated by commas; quick\n"
		  "  --seeds A-B           1-3\n"
		  "  --trials N            100\n"
		  "  --parallel Q          trials at once; 1\n"
		  "  --warm N              learn from so many related tasks, 50 trials each; families only\n"
		  "  --spoil HOW           the tasks before: negated, random, mirrored, few, failed\n"
		  "  --instance N          other shifts and rotations than the benchmark's own; 1\n"
		  "  --label TEXT          name of the results; trimtab-ALGORITHM and the settings\n"
		  "  --out FOLDER          of the results; build/search\n"
		  "  --data FOLDER         of the measured data; $TRIMTAB_SEARCH_DATA\n"
		  "  --beside A,B          further results of the folder in the table; all: every one\n"
		  "  --report              only print the table of what is there\n"
		  "  --each                with a line per problem\n"
		  "  --list                print the names of the problems\n"
		  "  --time                processor time of a suggestion after 50 to 10,000 trials\n",
		file);
}

static bool read_seeds(struct options *o, const char *text)
{
	char *end;

	o->first_seed = o->last_seed = strtoull(text, &end, 10);
	if (*end == '-')
		o->last_seed = strtoull(end + 1, &end, 10);
	return *end == '\0' && o->first_seed <= o->last_seed && o->last_seed < UINT32_MAX;
}

static bool read_count(uint32_t *out, const char *text, uint32_t max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	*out = (uint32_t)v;
	return *text && *end == '\0' && v >= 1 && v <= max;
}

static bool read_spoil(struct options *o, const char *text)
{
	for (size_t i = 1; i < sizeof(spoils) / sizeof(*spoils); i++)
		if (strcmp(text, spoils[i]) == 0)
			o->spoil = (enum study_spoil)i;
	return o->spoil != STUDY_AS_THEY_ARE;
}

static bool read_option(struct options *o, int c)
{
	switch (c) {
	case 'a':
		o->algorithm = optarg;
		return true;
	case 's':
		if (o->n_settings == STUDY_SETTINGS_MAX)
			return false;
		o->settings[o->n_settings++] = optarg;
		return true;
	case 'p':
		o->problems = optarg;
		return true;
	case 'S':
		return read_seeds(o, optarg);
	case 'n':
		return read_count(&o->trials, optarg, STUDY_TRIALS_MAX / 2);
	case 'q':
		return read_count(&o->parallel, optarg, 1000);
	case 'w':
		return read_count(&o->warm, optarg, STUDY_SOURCES_MAX);
	case 'x':
		return read_spoil(o, optarg);
	case 'i':
		return read_count(&o->instance, optarg, UINT32_MAX);
	case 'l':
		o->label = optarg;
		return true;
	case 'o':
		o->out = optarg;
		return true;
	case 'd':
		o->data = optarg;
		return true;
	case 'b':
		o->beside = optarg;
		return true;
	default:
		return false;
	}
}

static bool read_options(struct options *o, int argc, char **argv)
{
	enum { REPORT = 256, EACH, LIST, TIME, HELP };
	static const struct option table[] = {
		{"algorithm", required_argument, NULL, 'a'},
		{"set", required_argument, NULL, 's'},
		{"problems", required_argument, NULL, 'p'},
		{"seeds", required_argument, NULL, 'S'},
		{"trials", required_argument, NULL, 'n'},
		{"parallel", required_argument, NULL, 'q'},
		{"warm", required_argument, NULL, 'w'},
		{"spoil", required_argument, NULL, 'x'},
		{"instance", required_argument, NULL, 'i'},
		{"label", required_argument, NULL, 'l'},
		{"out", required_argument, NULL, 'o'},
		{"data", required_argument, NULL, 'd'},
		{"beside", required_argument, NULL, 'b'},
		{"report", no_argument, NULL, REPORT},
		{"each", no_argument, NULL, EACH},
		{"list", no_argument, NULL, LIST},
		{"time", no_argument, NULL, TIME},
		{"help", no_argument, NULL, HELP},
		{NULL, 0, NULL, 0},
	};

	for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		if (c == HELP) {
			usage(stdout);
			exit(0);
		}
		o->report |= c == REPORT;
		o->per_problem |= c == EACH;
		o->list |= c == LIST;
		o->time |= c == TIME;
		if (c < REPORT && !read_option(o, c)) {
			usage(stderr);
			return false;
		}
	}
	return optind == argc;
}

/* "trimtab-gp", "trimtab-gp+n_startup_trials=5", "trimtab-gp+warm=3", "trimtab-gp@2" on another instance */
static void default_label(const struct options *o, char out[WHO_MAX])
{
	size_t n = (size_t)snprintf(out, WHO_MAX, "trimtab-%s", o->algorithm);

	for (uint32_t i = 0; i < o->n_settings && n < WHO_MAX; i++)
		n += (size_t)snprintf(out + n, WHO_MAX - n, "+%s", o->settings[i]);
	if (o->warm > 0 && n < WHO_MAX)
		n += (size_t)snprintf(out + n, WHO_MAX - n, "+warm=%u%s%s", o->warm, o->spoil ? "-" : "", spoils[o->spoil]);
	if (o->instance != 1 && n < WHO_MAX)
		snprintf(out + n, WHO_MAX - n, "@%u", o->instance);
	for (char *c = out; *c; c++)
		if (*c == '/' || *c == '"' || *c == '\\')
			*c = '-';
}

/* ---- choosing problems ------------------------------------------------------------------------- */

static bool matches(const char *name, const char *pattern)
{
	if (strcmp(pattern, "all") == 0)
		return true;
	if (strcmp(pattern, "quick") == 0) {
		for (size_t i = 0; quick[i]; i++)
			if (fnmatch(quick[i], name, 0) == 0)
				return true;
		return false;
	}
	if (!strchr(pattern, '/'))
		return strncmp(name, pattern, strlen(pattern)) == 0 && name[strlen(pattern)] == '/';
	return fnmatch(pattern, name, 0) == 0;
}

static bool chosen(const struct options *o, const char *name)
{
	char list[1024], *rest = list;

	snprintf(list, sizeof(list), "%s", o->problems);
	for (char *pattern; (pattern = strtok_r(NULL, ",", &rest));)
		if (matches(name, pattern))
			return true;
	return false;
}

/* ---- running ----------------------------------------------------------------------------------- */

struct session {
	const struct options *o;
	const struct problems *all;
	struct runs runs;
};

static bool run_one(struct session *s, const struct study_plan *plan, const char *who)
{
	struct study_result result;
	bool ok;

	if (runs_have(&s->runs, who, problems_name(plan->all, plan->problem), plan->seed, plan->parallel,
			plan->trials))
		return true;
	ok = study_run(plan, &result);
	if (ok)
		ok = runs_append(&s->runs, s->o->out, who, plan, &result);
	study_free(&result);
	return ok;
}

static bool run_problem(struct session *s, struct study_plan plan, const char *who, uint64_t last_seed)
{
	bool ok = true;

	if (!study_possible(&plan)) {
		printf("  %s cannot work on %s\n", plan.algorithm->name, problems_name(plan.all, plan.problem));
		return true;
	}
	for (; plan.seed <= last_seed; plan.seed++)
		ok = run_one(s, &plan, who) && ok;
	return ok;
}

/* Random search on every problem, many seeds: what the others are divided by. */
static bool run_baseline(struct session *s, uint32_t problem, const char *who)
{
	struct study_plan plan = {.all = s->all,
		.problem = problem,
		.algorithm = &algorithm_random,
		.seed = 1,
		.trials = s->o->trials > 200 ? s->o->trials : 200,
		.parallel = 1};

	return run_problem(s, plan, who, SEEDS_OF_RANDOM);
}

static bool run_all(struct session *s, const char *who, const char *baseline)
{
	const struct options *o = s->o;
	struct study_plan plan = {.all = s->all,
		.algorithm = algorithm_find(o->algorithm),
		.n_settings = o->n_settings,
		.seed = o->first_seed,
		.trials = o->trials,
		.parallel = o->parallel,
		.n_sources = o->warm,
		.source_trials = SOURCE_TRIALS,
		.spoil = o->spoil};
	uint32_t other;
	bool ok = true;

	memcpy(plan.settings, o->settings, sizeof(plan.settings));
	for (uint32_t i = 0; i < problems_count(s->all); i++) {
		if (!chosen(o, problems_name(s->all, i)) ||
			(o->warm > 0 && problems_related(s->all, i, &other, 1) == 0))
			continue;
		plan.problem = i;
		ok = run_baseline(s, i, baseline) && run_problem(s, plan, who, o->last_seed) && ok;
	}
	return ok;
}

/* ---- the report -------------------------------------------------------------------------------- */

/* Leaves only the chosen problems. */
static void narrow(struct session *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->runs.n; i++)
		if (chosen(s->o, s->runs.items[i].problem))
			s->runs.items[n++] = s->runs.items[i];
	s->runs.n = n;
}

static bool is_beside(const struct options *o, const char *name)
{
	char list[1024], *rest = list;

	snprintf(list, sizeof(list), "%s", o->beside ? o->beside : "");
	for (char *word; (word = strtok_r(NULL, ",", &rest));)
		if (strcmp(word, "all") == 0 || fnmatch(word, name, 0) == 0)
			return true;
	return false;
}

static bool report(struct session *s, char *who, const char *baseline)
{
	char **names = runs_names(s->o->out);
	char *whos[WHOS_MAX + 1] = {who};
	size_t n = 1;

	for (size_t i = 0; names && names[i] && n < WHOS_MAX; i++) {
		if (strcmp(names[i], who) == 0 || !is_beside(s->o, names[i]))
			continue;
		whos[n++] = names[i];
		if (strcmp(names[i], baseline) != 0 && !runs_read(&s->runs, s->o->out, names[i])) {
			runs_free_names(names);
			return false;
		}
	}
	narrow(s);
	runs_report(&s->runs, whos, baseline, s->o->parallel, s->o->per_problem);
	runs_free_names(names);
	return true;
}

static int work(const struct options *o, const struct problems *all)
{
	struct session s = {.o = o, .all = all};
	char who[WHO_MAX], baseline[WHO_MAX];
	bool ok;

	default_label(o, who);
	if (o->label)
		snprintf(who, sizeof(who), "%s", o->label);
	snprintf(baseline, sizeof(baseline), o->instance == 1 ? "%s" : "%s@%u", random_who, o->instance);
	if (mkdir(o->out, 0777) != 0 && errno != EEXIST) {
		perror(o->out);
		return 1;
	}
	ok = runs_read(&s.runs, o->out, baseline) &&
		 (strcmp(who, baseline) == 0 || runs_read(&s.runs, o->out, who));
	if (ok && !o->report)
		ok = run_all(&s, who, baseline);
	ok = report(&s, who, baseline) && ok;
	runs_free(&s.runs);
	return ok ? 0 : 1;
}

/* OpenBLAS reads its environment when it is loaded, before main(): one thread is what we measure. */
static void one_thread(char **argv)
{
	if (getenv("OPENBLAS_NUM_THREADS"))
		return;
	setenv("OPENBLAS_NUM_THREADS", "1", 1);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	struct options o = {.algorithm = "random",
		.problems = "quick",
		.out = "build/search",
		.data = getenv("TRIMTAB_SEARCH_DATA"),
		.trials = 100,
		.parallel = 1,
		.instance = 1,
		.first_seed = 1,
		.last_seed = 3};
	struct problems *all;
	int status = 0;

	one_thread(argv);
	if (!read_options(&o, argc, argv))
		return 2;
	if (!algorithm_find(o.algorithm)) {
		fprintf(stderr, "no algorithm is called %s\n", o.algorithm);
		return 2;
	}
	all = problems_open(o.data, o.instance);
	if (!all) {
		fprintf(stderr, "the problems cannot be opened: no memory, or damaged data in %s\n", o.data);
		return 1;
	}
	if (!o.data && !o.report)
		fputs("Without measured data: bench/README.md tells where to get it.\n", stderr);
	if (o.time)
		status = timing_print(all, algorithm_find(o.algorithm), o.settings, o.n_settings) ? 0 : 1;
	else if (!o.list)
		status = work(&o, all);
	for (uint32_t i = 0; o.list && i < problems_count(all); i++)
		if (chosen(&o, problems_name(all, i)))
			puts(problems_name(all, i));
	problems_close(all);
	return status;
}
