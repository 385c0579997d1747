/*
 * What earlier experiments teach this one (warmStart): their trials, mapped into its space.
 *
 * The store holds a copy that was made when the experiment was created, so the lessons are the same after
 * any restart. They never change; an experiment and the jobs that work for it share them by count.
 */
#pragma once
#include <stdint.h>

#include "algorithms/algorithm.h"

struct experiment_spec;
struct store_lessons;

struct lessons {
	unsigned refs;                  /* touched on the loop thread only */
	struct arena *arena;
	const struct algo_source *sources;      /* in the document's order, some without trials */
	uint32_t n_sources;
};

/* Trials that lie outside of the space are left out. The rows are not needed afterwards. */
struct lessons *lessons_new(const struct experiment_spec *s, const struct store_lessons *rows);
struct lessons *lessons_get(struct lessons *l);         /* NULL is allowed */
void lessons_put(struct lessons *l);                    /* NULL is allowed */
