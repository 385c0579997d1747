/* Probabilities of categorical values. */
#include "algorithms/cmaes/choices.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double ALPHA = 1.5; /* path length^2 at which the step neither grows nor shrinks */

bool choices_init(struct choices *c, const struct latent *l)
{
	uint32_t total = 0;

	*c = (struct choices){.n = l->n_choices};
	for (uint32_t i = 0; i < c->n; i++)
		total += (uint32_t)space_levels(l->space, l->choices[i]);
	c->first = calloc(c->n + 1, sizeof(*c->first));
	c->q = calloc(4 * (size_t)total + 1, sizeof(*c->q));
	if (!c->first || !c->q) {
		choices_free(c);
		return false;
	}
	c->gradient = c->q + total;
	c->flat = c->gradient + total;
	c->path = c->flat + total;
	for (uint32_t i = 0; i < c->n; i++)
		c->first[i + 1] = c->first[i] + (uint32_t)space_levels(l->space, l->choices[i]);
	c->freedom = total - c->n;
	choices_reset(c);
	return true;
}

void choices_free(struct choices *c)
{
	free(c->first);
	free(c->q);
	c->first = NULL;
	c->q = NULL;
}

static uint32_t values_of(const struct choices *c, uint32_t i)
{
	return c->first[i + 1] - c->first[i];
}

void choices_reset(struct choices *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		for (uint32_t k = c->first[i]; k < c->first[i + 1]; k++) {
			c->q[k] = 1.0 / values_of(c, i);
			c->path[k] = 0;
		}
	c->reach = 1;
	c->gamma = 0;
}

void choices_lean(struct choices *c, const uint32_t *const *good, uint32_t n)
{
	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t known = 0;

		for (uint32_t m = 0; m < n; m++)
			known += good[m][i] != LATENT_NONE;
		for (uint32_t m = 0; m < n; m++)
			if (good[m][i] != LATENT_NONE)
				c->q[c->first[i] + good[m][i]] += 1.0 / known;
		for (uint32_t k = c->first[i]; known > 0 && k < c->first[i + 1]; k++)
			c->q[k] /= 2;
	}
}

uint32_t choices_at(const struct choices *c, uint32_t i, double u)
{
	uint32_t k = c->first[i];

	while (k + 1 < c->first[i + 1] && u >= c->q[k])
		u -= c->q[k++];
	return k - c->first[i];
}

/* The gradient of one choice in flat coordinates, of which it has one less than values (ASNG,
 * appendix B). Returns their squared length. */
static double flatten(struct choices *c, uint32_t i)
{
	const double *q = c->q + c->first[i], *g = c->gradient + c->first[i];
	uint32_t last = values_of(c, i) - 1;
	double *flat = c->flat + c->first[i], sum = 0, square = 0;

	for (uint32_t k = 0; k < last; k++)
		sum += g[k];
	for (uint32_t k = 0; k < last; k++) {
		flat[k] = g[k] / sqrt(q[k]) + sqrt(q[k]) * sum / (q[last] + sqrt(q[last]));
		square += flat[k] * flat[k];
	}
	return square;
}

/* Lifts every probability of a choice to the margin and takes that from those above it. */
static void keep_margin(struct choices *c, uint32_t i)
{
	uint32_t values = values_of(c, i);
	double *q = c->q + c->first[i], sum = 0, excess;
	double margin = (1 - pow(0.73, 1.0 / c->n)) / (values - 1);

	for (uint32_t k = 0; k < values; k++) {
		q[k] = fmax(q[k], margin);
		sum += q[k];
	}
	excess = sum - margin * values;
	for (uint32_t k = 0; k < values && excess > 0; k++)
		q[k] -= (sum - 1) * (q[k] - margin) / excess;
}

/* The weighted mean of the parents' values, less what was expected. */
static void collect_gradient(struct choices *c, const uint32_t *const *best_first, uint32_t lambda)
{
	uint32_t mu = lambda / 2;
	double top = log((lambda + 1.0) / 2), sum = 0;

	for (uint32_t m = 0; m < mu; m++)
		sum += top - log(m + 1.0);
	memset(c->gradient, 0, c->first[c->n] * sizeof(*c->gradient));
	for (uint32_t m = 0; m < mu; m++) {
		double weight = (top - log(m + 1.0)) / sum;

		for (uint32_t i = 0; i < c->n; i++) {
			if (best_first[m][i] == LATENT_NONE)
				continue;
			for (uint32_t k = c->first[i]; k < c->first[i + 1]; k++)
				c->gradient[k] += weight * ((k - c->first[i] == best_first[m][i]) - c->q[k]);
		}
	}
}

/* Moves along the gradient by a step of fixed length in the Fisher metric. The length grows while the
 * steps agree with each other and shrinks while they cancel. */
void choices_tell(struct choices *c, const uint32_t *const *best_first, uint32_t lambda)
{
	double step = 1 / c->reach, beta, length = 0, travelled = 0;

	if (c->n == 0)
		return;
	collect_gradient(c, best_first, lambda);
	for (uint32_t i = 0; i < c->n; i++)
		length += flatten(c, i);
	length = sqrt(length) + 1e-30;
	beta = fmin(1, step / sqrt(c->freedom));
	for (uint32_t k = 0; k < c->first[c->n]; k++) {
		c->q[k] += step / length * c->gradient[k];
		c->path[k] = (1 - beta) * c->path[k] + sqrt(beta * (2 - beta)) * c->flat[k] / length;
		travelled += c->path[k] * c->path[k];
	}
	c->gamma = (1 - beta) * (1 - beta) * c->gamma + beta * (2 - beta);
	c->reach = fmin(fmax(c->reach * exp(beta * (c->gamma - travelled / ALPHA)), 0.1), 1e6);
	for (uint32_t i = 0; i < c->n; i++)
		keep_margin(c, i);
}
