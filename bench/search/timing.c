#include "bench/search/timing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS = 40 };
static const uint32_t sizes[] = {50, 200, 500, 1000, 10000};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_times(const char *name, uint32_t n, double *ms, uint32_t calls, double peak_mb)
{
	double first = ms[0], mean = 0;

	for (uint32_t i = 1; i < calls; i++)
		mean += ms[i] / (calls - 1);
	qsort(ms + 1, calls - 1, sizeof(*ms), compare);
	printf("{\"who\":\"trimtab-%s\",\"speed\":\"mixed-10\",\"n\":%u,\"first\":%.4g,\"p50\":%.4g,\"p95\":%.4g,"
		   "\"mean\":%.4g,\"calls\":%u",
		name, n, first, ms[1 + (calls - 1) / 2], ms[1 + (calls - 2) * 95 / 100], mean, calls - 1);
	if (!isnan(peak_mb))
		printf(",\"mb\":%.3g", peak_mb);
	puts("}");
	fflush(stdout);
}

bool timing_print(const struct problems *all, const struct algorithm *a, const char *const *settings,
	uint32_t n_settings)
{
	struct study_plan plan = {.all = all, .algorithm = a, .n_settings = n_settings, .seed = 1, .parallel = 1};
	int problem = problems_find(all, "mixed/mixed-10");
	struct study_result result;
	bool ok = problem >= 0;

	plan.problem = (uint32_t)problem;
	memcpy(plan.settings, settings, n_settings * sizeof(*settings));
	plan.trials = CALLS + 1;
	for (size_t i = 0; ok && i < sizeof(sizes) / sizeof(*sizes); i++) {
		plan.prefill = sizes[i];
		ok = study_run(&plan, &result) && result.n == plan.trials;
		if (ok)
			print_times(a->name, sizes[i], result.ms, result.n, result.peak_mb);
		study_free(&result);
	}
	return ok;
}
