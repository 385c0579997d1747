/*
 * Inside the model: what model.c, places.c, fit.c and posterior.c share.
 *
 * A "place" is a distinct row: observations with equal columns are merged into their weighted mean.
 * The first `places` entries of the arrays are observed places, the next `pending` ones fantasies.
 */
#pragma once
#include "algorithms/gp/input.h"
#include "algorithms/gp/kernel.h"
#include "algorithms/gp/model.h"

struct gp {
	uint32_t d;
	bool *category;             /* d                                                           */
	struct gp_prior prior;
	struct gp_density *lengthscales;    /* d: their densities                                  */

	double *theta;              /* gp_n_theta(), and what follows from it:                     */
	double *inverse_length;     /* d; 1 for categories                                         */
	double *weight;             /* d; 1 / l^2 for categories, else 0                           */
	struct input_bend *bend;    /* d; NULL: none                                               */
	double signal, noise;       /* variances                                                   */
	double linear;              /* variance of the linear part; 0: none                        */
	double *middle;             /* d: of the unit cube                                         */
	double *given, *point;      /* d; scratch of the owner's changing calls                    */

	uint32_t rows, row_capacity;
	uint32_t *place;            /* of each row                                                 */
	double *row_weight;         /* 1 / noise multiple                                          */
	double within;              /* sum of weight (y - the place's target)^2                    */
	double log_weights;         /* sum of ln weight over rows minus that over places           */

	uint32_t places, pending, samples;
	uint32_t capacity;          /* of the arrays below, the distance between columns and rows  */
	double *block;              /* their memory                                                */
	double *x, *scaled;         /* d columns: as given; divided by lengthscales                */
	double *noise_scale, *target;
	double *whitened_target, *whitened_one;     /* L^-1 y, L^-1 1                              */
	double *beta;               /* L^-1 (y - c)                                                */
	double *scratch;            /* as point                                                    */
	double *factor;             /* L^-1, lower triangle                                        */
	double constant;            /* c                                                           */
	double *z;                  /* samples x pending: whitened residuals of the fantasies      */
};

/* prior.c */
/* ln p(t) and its derivative. */
double gp_log_prior(const struct gp_density *p, double t, double *derivative);
/* The density of theta[j]. */
const struct gp_density *gp_prior_of(const struct gp *g, uint32_t j);

/* places.c */
/* Room for this many places and rows; what is there stays. False: no memory, nothing changed. */
bool gp_reserve(struct gp *g, uint32_t places, uint32_t rows);
/* Copies everything of the places; `to` has room. */
void gp_move_contents(struct gp *to, const struct gp *from);
/* Takes the data: rows, places, columns, targets. */
enum algo_outcome gp_take(struct gp *g, const struct gp_data *data);
/* Targets of all places from y of all rows. */
void gp_take_targets(struct gp *g, const double *y);

/* covariance.c */
/* Row `a` of the kernel matrix: its first `a` entries, and the slopes of what depends on distances. Leaves the
 * row in g->given, scaled in g->point. Returns the diagonal's entry, without noise. */
double gp_kernel_row(struct gp *g, uint32_t a, double *k, double *slope);
/* The same of any point, as given and scaled, and the first n rows. */
void gp_kernel_at(const struct gp *g, uint32_t n, const double *given, const double *scaled, double *k, double *slope);
double gp_kernel_self(const struct gp *g, const double *given);
double gp_kernel_pair(const struct gp *g, const double *given, const double *scaled, const double *given_2,
	const double *scaled_2);
/* Adds to out[d] the linear part's share of d/d given of sum_a q[a] k(given, row a) + own k(given, given). */
void gp_linear_slopes(const struct gp *g, uint32_t n, const double *q, double own, const double *given, double *out);

/* model.c */
struct gp *gp_new_like(const struct gp *g);             /* without its data; NULL: no memory   */
void gp_set_theta(struct gp *g, const double *theta);   /* and scales all columns              */
/* The inverse factor of the places under theta. ALGO_OK or ALGO_DEFECT. */
enum algo_outcome gp_factorize(struct gp *g);
/* whitened_*, constant and beta from the factor and the targets. */
void gp_whiten(struct gp *g);
/* Of all rows, with the density of the constant. */
double gp_log_likelihood(const struct gp *g);

/* fit.c */
/* What gp_fit() minimises for the places that were taken: the negative log density and its gradient
 * (n_theta). NaN: no factor or no memory. Leaves the model without a factor. */
double gp_evaluate(struct gp *g, const double *theta, double *gradient);

static inline bool gp_bends(const struct gp *g, uint32_t j)
{
	return g->bend && !g->category[j];
}

/* Value u of column j as the kernel takes it. */
static inline double gp_scale(const struct gp *g, uint32_t j, double u)
{
	return g->inverse_length[j] * (gp_bends(g, j) ? input_warp(g->bend[j], u) : u);
}

static inline struct kernel_columns gp_given_columns(const struct gp *g)
{
	return (struct kernel_columns){g->x, g->capacity, g->d, g->weight};
}

static inline struct kernel_columns gp_columns(const struct gp *g)
{
	return (struct kernel_columns){g->scaled, g->capacity, g->d, g->weight};
}
