/*
 * Expected hypervolume improvement for two objectives, both minimised: by how much an uncertain point
 * will enlarge the area that a front dominates, exactly (Emmerich, Deutz and Klinkenberg 2011; strips
 * as in Yang et al. 2019), with its gradient.
 *
 * The objectives are independent normal variables. A front is prepared once for many points; it is
 * read-only afterwards.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ehvi_front {
	double (*y)[2];             /* [n + 2]: first value descending, between two sentinels      */
	uint32_t n;
};

/* Prepares the nondominated ones among n points below the reference. False: no memory. */
bool ehvi_front_init(struct ehvi_front *f, const double (*y)[2], uint32_t n, const double reference[2]);
void ehvi_front_free(struct ehvi_front *f);

/* The expectation, never negative, and unless NULL its derivatives by the means and the standard
 * deviations, which must be positive. */
double ehvi(const struct ehvi_front *f, const double mean[2], const double sd[2], double by_mean[2],
	double by_sd[2]);
