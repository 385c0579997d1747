/*
 * Output transforms: objective values made fit for a Gaussian process of unit scale.
 *
 * Values come as "larger is better" (the caller negates what is minimised), NaN where a trial gave
 * none. Infinite values count as the worst or best finite one. What comes out is finite, whatever
 * goes in: all equal, one value, differences of 1e-300 or ranges beyond the largest double.
 *
 * Half-rank and log warp are Vizier's (Song et al. 2024, arXiv 2408.11527, section 3.3), with
 * z-scores after them; the power transforms are those of HEBO (Cowen-Rivers et al. 2022,
 * arXiv 2012.03826): Box-Cox (1964) for positive values, else Yeo-Johnson (2000), the exponent by
 * maximum likelihood.
 *
 * The transform is fitted to all values at once: when one is added, transform all anew and hand them
 * to gp_retarget(), which costs little.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "algorithms/algorithm.h"

enum warp {
	WARP_NONE = 0,              /* z-scores only                                               */
	WARP_HALF_RANK,             /* values below the median by rank: a Gaussian lower half      */
	WARP_HALF_RANK_LOG,         /* then stretch the best ones                                  */
	WARP_LOG,
	WARP_POWER,                 /* on -y: Box-Cox or Yeo-Johnson                               */
};

/* z[n] from y[n]; z may be y. What was NaN becomes the smallest z minus `failed` (in standard
 * deviations), or stays NaN if `failed` is NaN. Without any value every z is 0.
 * ALGO_OK or ALGO_NO_MEMORY. */
enum algo_outcome warp_outputs(enum warp how, const double *y, size_t n, double failed, double *z);

/* The parts, in place, on n >= 1 finite values. */
void warp_standardize(double *y, size_t n);             /* mean 0, sd 1; all equal: zeros      */
enum algo_outcome warp_half_rank(double *y, size_t n);
void warp_log(double *y, size_t n);                     /* into [-0.5, 0.5]                    */
enum algo_outcome warp_power(double *y, size_t n);      /* unchanged if it would flatten them  */
double warp_yeo_johnson(double y, double lambda);       /* increasing in y                     */
double warp_box_cox(double y, double lambda);           /* y > 0                               */
