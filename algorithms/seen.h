/*
 * The configurations that a search has already chosen, and how to find one that it has not.
 *
 * On a finite space membership is exact (by number) and "all have been seen" is known; on an infinite
 * one a 64-bit hash stands for the configuration.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algorithms/rng.h"
#include "algorithms/space.h"

struct seen {
	const struct space *space;
	const struct seen *base;    /* counts as part of this set; or NULL                             */
	uint64_t *keys;             /* open addressing; a free slot holds SPACE_INFINITE               */
	size_t capacity, n;         /* capacity is a power of two; n without the base                  */
};

/* An empty set, on top of `base` (borrowed, not changed meanwhile) if there is one. */
void seen_init(struct seen *s, const struct space *space, const struct seen *base);
void seen_free(struct seen *s);

bool seen_has(const struct seen *s, const double *x);
bool seen_add(struct seen *s, const double *x);                 /* false: no memory            */
bool seen_all(const struct seen *s);                            /* a finite space is used up   */

/*
 * Fills x with a configuration that has not been seen: first by drawing from the declared
 * distributions, then, when those only hit what is known, evenly among the unseen ones. Not while
 * seen_all(). False: no memory. On an infinite space it may give up and repeat one.
 */
bool seen_draw_new(const struct seen *s, struct rng *r, double *x);
