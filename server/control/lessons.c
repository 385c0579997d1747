#include "server/control/lessons.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "server/model/params.h"
#include "server/model/spec.h"
#include "server/store/store_experiment.h"

/* Rows of so many doubles in the arena; what was not measured is NaN. */
static const double *numbers(struct arena *a, const struct store_doubles *from, size_t n)
{
	double *to = ARENA_NEW_N(a, double, n);

	for (size_t i = 0; i < n; i++)
		to[i] = store_double(from, i);
	return to;
}

/* All of them, or it is unknown. */
static const double *bounds(struct arena *a, const struct store_doubles *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (isnan(store_double(from, i)))
			return NULL;
	return n > 0 ? numbers(a, from, n) : NULL;
}

static bool adopt(const struct experiment_spec *s, const char *params, double *x)
{
	struct arena *scratch = arena_new();
	struct err ignored;
	const cJSON *tree = json_parse(params, strlen(params), 0, scratch, &ignored);
	const bool ok = tree && params_adopt(s, tree, x);

	arena_free(scratch);
	return ok;
}

struct lessons *lessons_new(const struct experiment_spec *s, const struct store_lessons *rows)
{
	struct lessons *l = xcalloc(1, sizeof *l);
	struct arena *a = l->arena = arena_new();
	struct algo_source *sources = ARENA_NEW_N(a, struct algo_source, s->n_sources);
	struct algo_trial *trials = ARENA_NEW_N(a, struct algo_trial, rows->n);
	size_t n = 0;

	for (size_t k = 0, i = 0; k < s->n_sources; k++) {
		sources[k].trials = trials + n;
		for (; i < rows->n && rows->items[i].source == (int)k; i++) {
			const struct store_lesson *row = &rows->items[i];
			double *x = ARENA_NEW_N(a, double, s->n_parameters);
			if (!adopt(s, row->params, x))
				continue;
			trials[n++] = (struct algo_trial){.number = ++sources[k].n_trials, .status = ALGO_SUCCEEDED,
				.suggested = true, .x = x, .values = numbers(a, &row->vals, s->n_objectives),
				.constraints = bounds(a, &row->violations, s->n_constraints), .duration = NAN, .resource = NAN};
		}
	}
	l->refs = 1;
	l->sources = sources;
	l->n_sources = (uint32_t)s->n_sources;
	return l;
}

struct lessons *lessons_get(struct lessons *l)
{
	if (l)
		l->refs++;
	return l;
}

void lessons_put(struct lessons *l)
{
	if (!l || --l->refs > 0)
		return;
	arena_free(l->arena);
	free(l);
}
