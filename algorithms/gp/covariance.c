/*
 * The covariance of the model: Matern 5/2 over scaled columns, and a linear part over columns as they are given.
 *
 * With the linear part (Rasmussen and Williams 2006, section 2.7) what rises along a column is expected to go
 * on rising beyond the data, up to the bound, where many a hyperparameter is best; without it the mean falls
 * back to its constant there. It is a sum of main effects: a slope for each number, an offset for each category.
 */
#include "algorithms/gp/model_impl.h"

void gp_kernel_at(const struct gp *g, uint32_t n, const double *given, const double *scaled, double *k, double *slope)
{
	struct kernel_columns columns = gp_columns(g), as_given = gp_given_columns(g);

	kernel_distances(&columns, n, scaled, k);
	kernel_matern(n, g->signal, k, k, slope);
	if (g->linear > 0)
		kernel_add_linear(&as_given, n, g->linear, given, k);
}

double gp_kernel_self(const struct gp *g, const double *given)
{
	struct kernel_columns itself = {given, 1, g->d, g->weight};
	double k = g->signal;

	if (g->linear > 0)
		kernel_add_linear(&itself, 1, g->linear, given, &k);
	return k;
}

double gp_kernel_pair(const struct gp *g, const double *given, const double *scaled, const double *given_2,
	const double *scaled_2)
{
	struct kernel_columns columns = {scaled_2, 1, g->d, g->weight}, as_given = {given_2, 1, g->d, g->weight};
	double k, slope;

	kernel_distances(&columns, 1, scaled, &k);
	kernel_matern(1, g->signal, &k, &k, &slope);
	if (g->linear > 0)
		kernel_add_linear(&as_given, 1, g->linear, given, &k);
	return k;
}

double gp_kernel_row(struct gp *g, uint32_t a, double *k, double *slope)
{
	for (size_t j = 0; j < g->d; j++) {
		g->given[j] = g->x[j * g->capacity + a];
		g->point[j] = g->scaled[j * g->capacity + a];
	}
	gp_kernel_at(g, a, g->given, g->point, k, slope);
	return gp_kernel_self(g, g->given);
}

void gp_linear_slopes(const struct gp *g, uint32_t n, const double *q, double own, const double *given, double *out)
{
	struct kernel_columns as_given = gp_given_columns(g);
	double slope = 12 * g->linear / g->d;

	kernel_pull(&as_given, n, q, g->middle, -slope, out);
	for (uint32_t j = 0; j < g->d; j++)
		if (!g->category[j])
			out[j] += 2 * own * slope * (given[j] - g->middle[j]);
}
