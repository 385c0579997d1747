/*
 * A Gaussian process over rows of numbers and categories: fit, condition, ask, differentiate.
 *
 * A point is a row of d columns: numbers, meant to lie in [0, 1], or category ids (any doubles that
 * are exact; equal or not is all that counts). The kernel is Matern 5/2 over
 *     r^2 = sum_j d_j^2 / l_j^2,  d_j = u_j - v_j, or 0 or 1 for categories,
 * times the signal variance, plus a linear part (covariance.c), whose variance the prior lets fade where
 * nothing speaks for it; observations carry Gaussian noise; the mean is a constant with a normal
 * prior, solved for at every theta. Targets are larger-is-better numbers of unit
 * scale (warp.h makes them). Hyperparameters are the maximum of the posterior density (Rasmussen
 * and Williams 2006, sections 2.2, 5.4.1) by projected L-BFGS over their logarithms:
 *     theta = ln l_1 .. ln l_d, ln signal, ln noise, ln linear variance      (gp_n_theta() of them),
 * and, where inputs are warped (input.h), ln a_1, ln b_1 .. ln a_d, ln b_d.
 *
 * Factor and residuals are held "whitened": V = L^-1 K(X, x), beta = L^-1 (y - c), so that
 *     mean = c + V'beta,  variance = k(x, x) - V'V,
 * and a row is appended in O(n^2).
 *
 * Pending trials are latent samples (gp_fantasize()): S joint draws of the values at the pending
 * points, exactly conditioned on, for p * S more multiplications a point. With S = 1 and a draw of
 * zeros that is the Kriging believer: the mean stays, the variance shrinks.
 *
 * Gradients are asked for backwards: the caller tells by how much its acquisition changes with the
 * means and the variance of each point, gp_backward() returns by how much with each column.
 *
 * A model belongs to its creator. gp_forward(), gp_backward(), gp_joint() and the other readers may
 * run on any number of threads, each with its own workspace, while nobody changes the model. All
 * results are functions of the calls alone; the same calls give the same bits.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algorithms/algorithm.h"
#include "algorithms/rng.h"

/* ---- priors ------------------------------------------------------------------------------------ */

/*
 * ln p(t) up to a constant, of the logarithm t of a hyperparameter:
 *     -precision/2 (t - center)^2 + slope t - up exp(power t) - down exp(-power t),
 * which covers log-normal, gamma and Optuna's densities. min == max holds the parameter.
 */
struct gp_density {
	double center, precision, slope, up, down, power;
	double min, max;            /* bounds of t                                                 */
	double start;               /* where a search without better knowledge begins              */
};

struct gp_prior {
	struct gp_density lengthscale, category, signal, noise;     /* category: their lengthscale  */
	struct gp_density few;      /* lengthscale of numbers that take few values                 */
	struct gp_density branch;   /* lengthscale of categories that switch others on             */
	struct gp_density bend;     /* of ln a and ln b of each numeric column (input.h); as zeroed it
								 * holds them at 0 and theta leaves them out                   */
	struct gp_density linear;   /* variance of the linear part; as zeroed there is none        */
	double mean_variance;       /* of the constant mean, around 0; 0: the mean is 0            */
};

enum gp_prior_set {
	GP_PRIOR_DEFAULT = 0,       /* half of Hvarfner et al. 2024 for numbers' lengthscales, Optuna's
								 * for categories', few and noise, ln s^2 ~ N(0, 0.7^2); the only
								 * set with a linear part                                      */
	GP_PRIOR_BOTORCH,           /* as in BoTorch 0.12 and later: the signal variance is 1      */
	GP_PRIOR_OPTUNA,
	GP_PRIOR_VIZIER,
	GP_PRIOR_HEBO,
};

/* `active` is the number of columns that vary together, >= 1: lengthscales grow as its root. */
struct gp_prior gp_prior(enum gp_prior_set set, uint32_t active);
/* Lets numeric columns bend: ln a, ln b ~ N(0, 0.75^2), as in HEBO. They must lie in [0, 1]. */
void gp_prior_bend_inputs(struct gp_prior *p);

/* ---- the model --------------------------------------------------------------------------------- */

struct gp;

enum { GP_PLACES_MAX = 4096 };  /* different rows, with appended and pending ones: 128 MB      */

struct gp_data {
	const double *x;            /* n rows of d                                                 */
	const double *y;            /* n; finite                                                   */
	const double *noise;        /* n: the row's noise variance as a multiple, > 0; NULL: 1     */
	uint32_t n;
};

struct gp_fit {
	const double *starts;       /* n_starts vectors theta: the last fit's, the prior's         */
	uint32_t n_starts;
	uint32_t n_random;          /* further starts, drawn around the prior's                    */
	uint64_t seed;              /* for these, and for the rows if there are too many           */
	uint32_t max_rows;          /* searches with the third that is best and others at random;
								 * 0: with all                                                 */
	uint32_t max_iterations;    /* of each start; 0: 40                                        */
	double tolerance;           /* of the gradient; 0: 0.01                                    */
	double drop;                /* a step that gains no more in the log density is the last    */
	double first_step;          /* its length in theta; 0: 1                                   */
	const atomic_bool *cancel;  /* may be NULL                                                 */
};

/* `category[j]`: column j holds category ids; NULL: none does. NULL: no memory. */
struct gp *gp_new(uint32_t d, const bool *category, const struct gp_prior *prior);
/* Gives column j's lengthscale a density other than the prior's `lengthscale` or `category`. Before any
 * data. */
void gp_set_density(struct gp *g, uint32_t j, const struct gp_density *p);
struct gp *gp_copy(const struct gp *g);                 /* NULL: no memory                     */
void gp_free(struct gp *g);                             /* NULL is allowed                     */

uint32_t gp_n_theta(const struct gp *g);
void gp_start_prior(const struct gp *g, double *theta);
void gp_start_random(const struct gp *g, struct rng *r, double *theta);

/*
 * Finds theta and conditions on all data. Rows with equal columns are one place: their mean counts,
 * with as much less noise. Without any start the prior's is used; n = 0 leaves the prior.
 * ALGO_OK, ALGO_NO_MEMORY (or too many places), ALGO_CANCELLED, or ALGO_DEFECT (the kernel matrix has
 * no factor even with jitter: cannot happen with finite data). After a failure only gp_fit(),
 * gp_condition() and gp_free() may be called.
 */
enum algo_outcome gp_fit(struct gp *g, const struct gp_data *data, const struct gp_fit *how);
/* The same with theta given. O(n^3). */
enum algo_outcome gp_condition(struct gp *g, const struct gp_data *data, const double *theta);
/* One more observation, O(n^2); the mean's constant is solved for anew. `noise` as in gp_data.
 * After a failure the model is as before. */
enum algo_outcome gp_append(struct gp *g, const double *x, double y, double noise);
/* New targets for all rows, in the order of gp_data and the appends; O(n^2). Not after
 * gp_fantasize(). */
void gp_retarget(struct gp *g, const double *y);

/* values[n] of all rows as the likelihood sees them: L^-1 of their means at each different row, to out[n]. Returns
 * how many those are. */
uint32_t gp_whitened(const struct gp *g, const double *values, double *out);

const double *gp_theta(const struct gp *g);             /* in force                            */
uint32_t gp_rows(const struct gp *g);                   /* observations: data and appended     */
double gp_constant(const struct gp *g);                 /* the mean far from all data          */
double gp_signal_variance(const struct gp *g);
double gp_noise_variance(const struct gp *g);
double gp_linear_variance(const struct gp *g);          /* 0: no linear part                   */
double gp_lengthscale(const struct gp *g, uint32_t j);
double gp_log_density(const struct gp *g);              /* of data and theta; the fit's value  */

/*
 * Conditions on the unknown values at p places (p x d), S samples of each: f[s * p + i], written
 * here, is the value that sample s has at place i. z (S x p) are independent standard normals, sample
 * by sample. Means then come S to a point. Call once, on a copy; no appends after it.
 * ALGO_OK or ALGO_NO_MEMORY.
 */
enum algo_outcome gp_fantasize(struct gp *g, const double *places, uint32_t p, uint32_t samples,
	const double *z, double *f);
uint32_t gp_samples(const struct gp *g);                /* S; 1 without fantasies              */

/* ---- asking ------------------------------------------------------------------------------------ */

struct gp_work;

/* A workspace for blocks of up to `points`, at any size the model grows to. NULL: no memory. */
struct gp_work *gp_work_new(const struct gp *g, uint32_t points);
void gp_work_free(struct gp_work *w);                   /* NULL is allowed                     */

/*
 * Latent values at a block of points (b x d): mean[b x S], variance[b] (> 0; without noise).
 * b <= the workspace's size; 32 to 128 points are fastest. ALGO_OK, or ALGO_NO_MEMORY (only when
 * the model has grown since the workspace was last used).
 */
enum algo_outcome gp_forward(const struct gp *g, struct gp_work *w, const double *points, uint32_t b,
	double *mean, double *variance);
/*
 * For the block that gp_forward() just took: from da/dmean [b x S] and da/dvariance [b] of any
 * function a of each point's results, gradient[b x d] = da/dcolumn. 0 for categories.
 */
void gp_backward(const struct gp *g, struct gp_work *w, const double *d_mean, const double *d_variance,
	double *gradient);
/* Joint distribution at the block that gp_forward() just took: covariance[b x b], symmetric. */
void gp_covariance(const struct gp *g, struct gp_work *w, double *covariance);

/*
 * The mean alone, in O(n d) a point, of a model without fantasies. `weights` are those that gp_mean_weights()
 * wrote, one for each row or fewer; they hold until the model changes. gp_forward_mean() is as gp_forward() with
 * mean[b]. gp_backward_mean() adds to gradient[b x d]; once after each gp_forward_mean().
 */
void gp_mean_weights(const struct gp *g, double *weights);
enum algo_outcome gp_forward_mean(const struct gp *g, struct gp_work *w, const double *weights,
	const double *points, uint32_t b, double *mean);
void gp_backward_mean(const struct gp *g, struct gp_work *w, const double *weights, const double *d_mean,
	double *gradient);

/*
 * What each row would have been predicted from all others: mean[n], variance[n] of the observation
 * (with noise), n = gp_rows(). Equal rows are left out together.
 */
void gp_leave_one_out(const struct gp *g, double *mean, double *variance);
