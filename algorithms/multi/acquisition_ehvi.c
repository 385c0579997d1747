/* ln EHVI on two models. */
#include "algorithms/multi/acquisition_ehvi.h"

#include <math.h>
#include <stdlib.h>

#include "algorithms/assert.h"

enum { BLOCK = ACQUISITION_BLOCK };

/* What is smaller gives no direction any more; its logarithm is the floor. */
static const double SMALLEST = 1e-280;

struct on_two {
	struct acquisition base;
	const struct gp *models[2];
	struct gp_work *work[2];
	const struct ehvi_front *front;
	uint32_t n; /* points of the last block                    */
	double mean[2][BLOCK], variance[2][BLOCK];
	double by_mean[2][BLOCK], by_variance[2][BLOCK];
	double *second; /* gradient of the second model's part         */
	size_t columns;
};

static void on_two_free(struct acquisition *a)
{
	struct on_two *e = (struct on_two *)a;

	for (int k = 0; k < 2; k++)
		gp_work_free(e->work[k]);
	free(e->second);
	free(e);
}

static void value_at(struct on_two *e, uint32_t i, double *value)
{
	double mean[2], sd[2], by_mean[2], by_sd[2], v;

	for (int k = 0; k < 2; k++) {
		mean[k] = -e->mean[k][i];
		sd[k] = sqrt(e->variance[k][i]);
	}
	v = ehvi(e->front, mean, sd, by_mean, by_sd);
	*value = log(fmax(v, SMALLEST));
	for (int k = 0; k < 2; k++) {
		e->by_mean[k][i] = v > SMALLEST ? -by_mean[k] / v : 0;
		e->by_variance[k][i] = v > SMALLEST ? by_sd[k] / v / (2 * sd[k]) : 0;
	}
}

static enum algo_outcome on_two_forward(
	struct acquisition *a, const double *points, uint32_t b, double *value)
{
	struct on_two *e = (struct on_two *)a;
	enum algo_outcome outcome = ALGO_OK;

	e->n = b;
	for (int k = 0; k < 2 && outcome == ALGO_OK; k++)
		outcome = gp_forward(e->models[k], e->work[k], points, b, e->mean[k], e->variance[k]);
	for (uint32_t i = 0; i < b && outcome == ALGO_OK; i++)
		value_at(e, i, &value[i]);
	return outcome;
}

static void on_two_backward(struct acquisition *a, double *gradient)
{
	struct on_two *e = (struct on_two *)a;

	gp_backward(e->models[0], e->work[0], e->by_mean[0], e->by_variance[0], gradient);
	gp_backward(e->models[1], e->work[1], e->by_mean[1], e->by_variance[1], e->second);
	for (size_t i = 0; i < e->n * e->columns; i++)
		gradient[i] += e->second[i];
}

struct acquisition *acquisition_ehvi(
	const struct gp *const models[2], const struct ehvi_front *front, uint32_t columns)
{
	struct on_two *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->base = (struct acquisition){on_two_forward, on_two_backward, on_two_free};
	e->front = front;
	e->columns = columns;
	e->second = malloc(BLOCK * (size_t)columns * sizeof(*e->second) + 1);
	for (int k = 0; k < 2; k++) {
		ALGO_ASSERT(gp_samples(models[k]) == 1);
		e->models[k] = models[k];
		e->work[k] = gp_work_new(models[k], BLOCK);
	}
	if (e->second && e->work[0] && e->work[1])
		return &e->base;
	on_two_free(&e->base);
	return NULL;
}
