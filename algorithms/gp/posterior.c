/* What a conditioned model says: blocks of points, their gradients and covariance, left-out rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/gp/linalg.h"
#include "algorithms/gp/model_impl.h"

static const double LEAST_VARIANCE = 1e-10; /* of the signal's */

struct gp_work {
	uint32_t points;
	size_t stride;              /* of the rows below: at least the places of the model         */
	uint32_t b;                 /* the block that was last taken                               */
	double *given, *scaled;     /* points x d                                                  */
	double *stretch;            /* points x d: derivative of scaled by the given value         */
	double *pull;               /* d: scratch                                                  */
	double *v;                  /* points x stride: L^-1 k                                     */
	double *slope;              /* points x stride: of the kernel                              */
	double *u;                  /* points x stride                                             */
};

/* Room for rows of `stride`. */
static bool widen(struct gp_work *w, size_t stride)
{
	size_t size = w->points * stride;
	double *block;

	if (stride <= w->stride)
		return true;
	if (!(block = malloc(3 * size * sizeof(*block))))
		return false;
	free(w->v);
	w->v = block;
	w->slope = block + size;
	w->u = w->slope + size;
	w->stride = stride;
	return true;
}

struct gp_work *gp_work_new(const struct gp *g, uint32_t points)
{
	struct gp_work *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->points = points;
	w->scaled = malloc(((3 * (size_t)points + 1) * g->d + 1) * sizeof(*w->scaled));
	w->stretch = w->scaled ? w->scaled + (size_t)points * g->d : NULL;
	w->given = w->scaled ? w->stretch + (size_t)points * g->d : NULL;
	w->pull = w->scaled ? w->given + (size_t)points * g->d : NULL;
	if (!w->scaled || !widen(w, g->capacity)) {
		gp_work_free(w);
		return NULL;
	}
	return w;
}

void gp_work_free(struct gp_work *w)
{
	if (!w)
		return;
	free(w->scaled);
	free(w->v);
	free(w);
}

static void scale_block(const struct gp *g, struct gp_work *w, const double *points)
{
	struct input_slopes slopes;

	memcpy(w->given, points, (size_t)w->b * g->d * sizeof(*points));
	for (size_t at = 0; at < (size_t)w->b * g->d; at++) {
		uint32_t j = (uint32_t)(at % g->d);

		w->stretch[at] = g->inverse_length[j];
		w->scaled[at] = g->inverse_length[j] * points[at];
		if (!gp_bends(g, j))
			continue;
		w->scaled[at] = g->inverse_length[j] * input_warp_slopes(g->bend[j], points[at], &slopes);
		w->stretch[at] *= slopes.by_u;
	}
}

/* Kernel rows of the block, their slopes, and v = L^-1 k. */
static void whiten_block(const struct gp *g, struct gp_work *w, const double *points)
{
	uint32_t n = g->places + g->pending;

	scale_block(g, w, points);
	for (size_t i = 0; i < w->b; i++)
		gp_kernel_at(g, n, w->given + i * g->d, w->scaled + i * g->d, w->v + i * w->stride, w->slope + i * w->stride);
	linalg_apply_rows(n, g->factor, g->capacity, w->b, w->v, w->stride);
}

enum algo_outcome gp_forward(const struct gp *g, struct gp_work *w, const double *points, uint32_t b,
	double *mean, double *variance)
{
	double observed, fantasies, unused;

	ALGO_ASSERT(b <= w->points);
	if (!widen(w, g->places + g->pending))
		return ALGO_NO_MEMORY;
	w->b = b;
	whiten_block(g, w, points);
	for (size_t i = 0; i < b; i++) {
		const double *v = w->v + i * w->stride, *late = v + g->places;
		double base = g->constant + kernel_dot_square(g->places, v, g->beta, &observed);

		kernel_dot_square(g->pending, late, late, &fantasies);
		variance[i] = fmax(gp_kernel_self(g, w->given + i * g->d) - observed - fantasies,
			g->signal * LEAST_VARIANCE);
		for (size_t k = 0; k < g->samples; k++)
			mean[i * g->samples + k] = base;
		for (size_t k = 0; k < g->samples && g->pending > 0; k++)
			mean[i * g->samples + k] += kernel_dot_square(g->pending, late, g->z + k * g->pending, &unused);
	}
	return ALGO_OK;
}

/* u = what the derivatives weigh v with: mean = c + v'beta (+ v'z), variance = k(x, x) - v'v. */
static void adjoint(const struct gp *g, const double *d_mean, double d_variance,
	const double *v, double *u)
{
	double sum = 0;

	for (uint32_t s = 0; s < g->samples; s++)
		sum += d_mean[s];
	for (uint32_t a = 0; a < g->places; a++)
		u[a] = sum * g->beta[a] - 2 * d_variance * v[a];
	for (uint32_t i = 0; i < g->pending; i++) {
		double weighted = 0;

		for (size_t s = 0; s < g->samples; s++)
			weighted += d_mean[s] * g->z[s * g->pending + i];
		u[g->places + i] = weighted - 2 * d_variance * v[g->places + i];
	}
}

void gp_backward(const struct gp *g, struct gp_work *w, const double *d_mean, const double *d_variance,
	double *gradient)
{
	struct kernel_columns columns = gp_columns(g);
	uint32_t n = g->places + g->pending;

	memset(gradient, 0, (size_t)w->b * g->d * sizeof(*gradient));
	for (size_t i = 0; i < w->b; i++)
		adjoint(g, d_mean + i * g->samples, d_variance[i], w->v + i * w->stride, w->u + i * w->stride);
	linalg_apply_transposed_rows(n, g->factor, g->capacity, w->b, w->u, w->stride);
	for (size_t i = 0; i < w->b; i++) {
		double *u = w->u + i * w->stride, *out = gradient + i * g->d;
		const double *slope = w->slope + i * w->stride;

		memset(w->pull, 0, g->d * sizeof(*w->pull));
		if (g->linear > 0)
			gp_linear_slopes(g, n, u, d_variance[i], w->given + i * g->d, w->pull);
		for (uint32_t a = 0; a < n; a++)
			u[a] *= slope[a];
		kernel_pull(&columns, n, u, w->scaled + i * g->d, -1, out);
		for (uint32_t j = 0; j < g->d; j++)
			out[j] = out[j] * w->stretch[i * g->d + j] + w->pull[j];
	}
}

/* ---- the mean alone ---------------------------------------------------------------------------- */

void gp_mean_weights(const struct gp *g, double *weights)
{
	ALGO_ASSERT(g->pending == 0);
	memcpy(weights, g->beta, g->places * sizeof(*weights));
	linalg_apply_transposed(g->places, g->factor, g->capacity, weights);
}

enum algo_outcome gp_forward_mean(const struct gp *g, struct gp_work *w, const double *weights,
	const double *points, uint32_t b, double *mean)
{
	double unused;

	ALGO_ASSERT(b <= w->points);
	if (!widen(w, g->places))
		return ALGO_NO_MEMORY;
	w->b = b;
	scale_block(g, w, points);
	for (size_t i = 0; i < b; i++) {
		double *k = w->v + i * w->stride;

		gp_kernel_at(g, g->places, w->given + i * g->d, w->scaled + i * g->d, k, w->slope + i * w->stride);
		mean[i] = g->constant + kernel_dot_square(g->places, weights, k, &unused);
	}
	return ALGO_OK;
}

void gp_backward_mean(const struct gp *g, struct gp_work *w, const double *weights, const double *d_mean,
	double *gradient)
{
	struct kernel_columns columns = gp_columns(g);

	for (size_t i = 0; i < w->b; i++) {
		double *q = w->v + i * w->stride; /* the kernel is not needed any more */
		const double *slope = w->slope + i * w->stride;

		for (uint32_t a = 0; a < g->places; a++)
			q[a] = d_mean[i] * weights[a] * slope[a];
		memset(w->pull, 0, g->d * sizeof(*w->pull));
		kernel_pull(&columns, g->places, q, w->scaled + i * g->d, -1, w->pull);
		for (uint32_t j = 0; j < g->d; j++)
			gradient[i * g->d + j] += w->pull[j] * w->stretch[i * g->d + j];
		for (uint32_t a = 0; a < g->places && g->linear > 0; a++)
			q[a] = d_mean[i] * weights[a];
		if (g->linear > 0)
			gp_linear_slopes(g, g->places, q, 0, w->given + i * g->d, gradient + i * g->d);
	}
}

/* ---- joint ------------------------------------------------------------------------------------- */

void gp_covariance(const struct gp *g, struct gp_work *w, double *covariance)
{
	uint32_t n = g->places + g->pending, b = w->b;

	for (size_t i = 0; i < b; i++)
		for (size_t k = 0; k <= i; k++)
			covariance[i * b + k] = covariance[k * b + i] =
				gp_kernel_pair(g, w->given + i * g->d, w->scaled + i * g->d, w->given + k * g->d, w->scaled + k * g->d);
	linalg_subtract_gram(n, b, w->v, w->stride, covariance);
}

/*
 * Rasmussen and Williams 2006, eqs. 5.10-5.12: K^-1 = F'F for the inverse factor F. Results of the
 * places are put in front and spread from the last row on: a place never comes after its rows.
 */
void gp_leave_one_out(const struct gp *g, double *mean, double *variance)
{
	for (uint32_t k = 0; k < g->places; k++)
		mean[k] = variance[k] = 0;
	for (size_t i = 0; i < g->places; i++) {
		const double *row = g->factor + i * g->capacity;

		for (uint32_t k = 0; k <= i; k++) {
			mean[k] += row[k] * g->beta[i];
			variance[k] += row[k] * row[k];
		}
	}
	for (uint32_t i = g->rows; i-- > 0;) {
		uint32_t k = g->place[i];
		double without = g->target[k] - mean[k] / variance[k];
		double latent = fmax(1 / variance[k] - g->noise * g->noise_scale[k], g->signal * LEAST_VARIANCE);

		mean[i] = without;
		variance[i] = latent + g->noise / g->row_weight[i];
	}
}
