/* Lines of results: written, read back. */
#include "bench/search/results.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096, NAMES_MAX = 256 };

const uint32_t checkpoints[CHECKPOINTS] = {20, 50, 100, 200};
static const uint32_t ms_points[MS_POINTS] = {20, 50, 100, 200, 500, 1000};

static struct run *add(struct runs *all)
{
	if (all->n == all->size) {
		size_t size = all->size ? 2 * all->size : 1024;
		struct run *items = realloc(all->items, size * sizeof(*items));

		if (!items)
			return NULL;
		all->items = items;
		all->size = size;
	}
	all->items[all->n] = (struct run){0};
	return &all->items[all->n++];
}

void runs_free(struct runs *all)
{
	free(all->items);
	*all = (struct runs){0};
}

bool runs_have(const struct runs *all, const char *who, const char *problem, uint64_t seed, uint32_t parallel,
	uint32_t trials)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct run *r = &all->items[i];

		if (r->seed == seed && r->parallel == parallel && r->trials >= trials && strcmp(r->who, who) == 0 &&
			strcmp(r->problem, problem) == 0)
			return true;
	}
	return false;
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* The values of the pairs at the checkpoints: the last one whose count is not above. */
static void read_pairs(const cJSON *pairs, uint32_t trials, double out[CHECKPOINTS])
{
	const cJSON *count = pairs ? pairs->child : NULL;

	for (uint32_t k = 0; k < CHECKPOINTS; k++)
		out[k] = NAN;
	for (; count && count->next; count = count->next->next)
		for (uint32_t k = 0; k < CHECKPOINTS; k++)
			if (count->valuedouble <= checkpoints[k] && checkpoints[k] <= trials)
				out[k] = cJSON_IsNumber(count->next) ? count->next->valuedouble : INFINITY;
}

static bool read_line(struct runs *all, const char *line)
{
	cJSON *o = cJSON_Parse(line);
	const cJSON *problem = cJSON_GetObjectItemCaseSensitive(o, "problem");
	const cJSON *who = cJSON_GetObjectItemCaseSensitive(o, "who");
	struct run *r = NULL;

	if (cJSON_IsString(problem) && cJSON_IsString(who) && !cJSON_HasObjectItem(o, "mode") && (r = add(all))) {
		snprintf(r->who, sizeof(r->who), "%s", who->valuestring);
		snprintf(r->problem, sizeof(r->problem), "%s", problem->valuestring);
		r->seed = (uint64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(o, "seed"));
		r->parallel = (uint32_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(o, "parallel"));
		r->trials = (uint32_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(o, "trials"));
		read_pairs(cJSON_GetObjectItemCaseSensitive(o, "regret"), r->trials, r->regret);
		read_pairs(cJSON_GetObjectItemCaseSensitive(o, "ms"), r->trials, r->ms);
	}
	cJSON_Delete(o);
	return r || !problem;
}

bool runs_read(struct runs *all, const char *dir, const char *who)
{
	char path[PATH_BYTES], *line = NULL;
	size_t size = 0;
	bool ok = true;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.jsonl", dir, who);
	file = fopen(path, "r");
	if (!file)
		return true;
	while (ok && getline(&line, &size, file) > 0)
		ok = read_line(all, line);
	free(line);
	fclose(file);
	return ok;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **runs_names(const char *path)
{
	static const char ending[] = ".jsonl";
	char **names = calloc(NAMES_MAX + 1, sizeof(*names));
	size_t n = 0;
	DIR *dir = opendir(path);

	for (struct dirent *e; names && dir && n < NAMES_MAX && (e = readdir(dir));) {
		size_t length = strlen(e->d_name);

		if (length > strlen(ending) && strcmp(e->d_name + length - strlen(ending), ending) == 0 &&
			(names[n] = strndup(e->d_name, length - strlen(ending))))
			n++;
	}
	if (dir)
		closedir(dir);
	if (names)
		qsort(names, n, sizeof(*names), by_name);
	return names;
}

void runs_free_names(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

/* ---- writing ----------------------------------------------------------------------------------- */

static bool is_reported(uint32_t n)
{
	return n <= 20 || (n <= 200 && n % 10 == 0) || n % 100 == 0;
}

static void write_regret(FILE *file, const struct study_result *result)
{
	double before = NAN;

	fputs("\"regret\":[", file);
	for (uint32_t n = 1; n <= result->n; n++) {
		double v = result->regret[n - 1];

		if (!is_reported(n) || v == before)
			continue;
		fprintf(file, isfinite(v) ? "%s%u,%.4g" : "%s%u,null", n > 1 ? "," : "", n, v);
		before = v;
	}
	fputs("]", file);
}

static double mean_ms(const struct study_result *result, uint32_t n)
{
	uint32_t from = n > 10 ? n - 10 : 0;
	double sum = 0;

	for (uint32_t i = from; i < n; i++)
		sum += result->ms[i];
	return sum / (n - from);
}

static void write_run(
	FILE *file, const char *who, const struct study_plan *plan, const struct study_result *result)
{
	fprintf(file, "{\"who\":\"%s\",\"problem\":\"%s\",\"seed\":%llu,\"parallel\":%u,\"trials\":%u,", who,
		problems_name(plan->all, plan->problem), (unsigned long long)plan->seed, plan->parallel, plan->trials);
	write_regret(file, result);
	fputs(",\"ms\":[", file);
	for (uint32_t k = 0; k < MS_POINTS && ms_points[k] <= result->n; k++)
		fprintf(file, "%s%u,%.4g", k ? "," : "", ms_points[k], mean_ms(result, ms_points[k]));
	fputs("]}\n", file);
}

bool runs_append(struct runs *all, const char *dir, const char *who, const struct study_plan *plan,
	const struct study_result *result)
{
	char path[PATH_BYTES], *line = NULL;
	size_t size = 0;
	FILE *file, *text = open_memstream(&line, &size);
	bool ok;

	if (!text)
		return false;
	write_run(text, who, plan, result);
	ok = fclose(text) == 0 && read_line(all, line);
	snprintf(path, sizeof(path), "%s/%s.jsonl", dir, who);
	file = ok ? fopen(path, "a") : NULL;
	if (!file)
		perror(path);
	ok = file && fwrite(line, 1, size, file) == size;
	ok = (!file || fclose(file) == 0) && ok;
	free(line);
	return ok;
}
