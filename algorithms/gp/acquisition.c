/* Acquisition functions on one Gaussian process, and sums of them. */
#include "algorithms/gp/acquisition.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/gp/trend.h"
#include "algorithms/gp/tails.h"

/* ---- on one model ------------------------------------------------------------------------------ */

struct on_model {
	struct acquisition base;
	const struct gp *g;
	struct gp_work *work;
	const struct trend *trend;  /* NULL: none                                                      */
	struct trend_work *trend_work;
	uint32_t b;                 /* points of the last block                                        */
	enum improvement kind;
	uint32_t samples;
	double kappa;
	double *best;               /* [samples]                                                       */
	double *mean, *d_mean;      /* [block x samples]                                               */
	double *variance, *d_variance;
	double *log_value;          /* [samples]: scratch                                              */
};

static void on_model_free(struct acquisition *a)
{
	struct on_model *m = (struct on_model *)a;

	gp_work_free(m->work);
	trend_work_free(m->trend_work);
	free(m->best);
	free(m);
}

static struct on_model *on_model_new(const struct trend *trend, const struct gp *g, uint32_t samples)
{
	struct on_model *m = calloc(1, sizeof(*m));
	size_t block = ACQUISITION_BLOCK;

	if (!m)
		return NULL;
	m->base.free = on_model_free;
	m->g = g;
	m->samples = samples;
	m->work = gp_work_new(g, ACQUISITION_BLOCK);
	m->trend = trend;
	m->trend_work = trend ? trend_work_new(trend, ACQUISITION_BLOCK) : NULL;
	m->best = malloc((2 * samples + 2 * block * samples + 2 * block) * sizeof(*m->best));
	if (!m->work || !m->best || (trend && !m->trend_work)) {
		on_model_free(&m->base);
		return NULL;
	}
	m->log_value = m->best + samples;
	m->mean = m->log_value + samples;
	m->d_mean = m->mean + block * samples;
	m->variance = m->d_mean + block * samples;
	m->d_variance = m->variance + block;
	return m;
}

/* The trend adds to the means of all samples alike. */
static enum algo_outcome add_trend(struct on_model *m, const double *points)
{
	double value[ACQUISITION_BLOCK];
	enum algo_outcome outcome = trend_forward(m->trend, m->trend_work, points, m->b, value);

	for (uint32_t i = 0; outcome == ALGO_OK && i < m->b * m->samples; i++)
		m->mean[i] += value[i / m->samples];
	return outcome;
}

static void follow_trend(struct on_model *m, double *gradient)
{
	double d_value[ACQUISITION_BLOCK] = {0};

	for (uint32_t i = 0; i < m->b * m->samples; i++)
		d_value[i / m->samples] += m->d_mean[i];
	trend_backward(m->trend, m->trend_work, d_value, gradient);
}

static void on_model_backward(struct acquisition *a, double *gradient)
{
	struct on_model *m = (struct on_model *)a;

	gp_backward(m->g, m->work, m->d_mean, m->d_variance, gradient);
	if (m->trend)
		follow_trend(m, gradient);
}

/* ln of the mean over the samples of exp(value): each counts as much as it contributes. */
static double log_mean(struct on_model *m, uint32_t i)
{
	bool expected = m->kind == IMPROVEMENT_LOG_EI;
	double sd = sqrt(m->variance[i]), top = -HUGE_VAL, sum = 0, by_sd = 0, slope;
	double *mean = m->mean + (size_t)i * m->samples, *d_mean = m->d_mean + (size_t)i * m->samples;

	for (uint32_t s = 0; s < m->samples; s++) {
		double z = (mean[s] - m->best[s]) / sd;

		m->log_value[s] = expected ? log(sd) + tail_log_improvement(z, &slope)
								   : tail_log_probability(z, &slope);
		d_mean[s] = slope / sd;
		top = fmax(top, m->log_value[s]);
	}
	for (uint32_t s = 0; s < m->samples; s++)
		sum += exp(m->log_value[s] - top);
	for (uint32_t s = 0; s < m->samples; s++) {
		double weight = exp(m->log_value[s] - top) / sum, z = (mean[s] - m->best[s]) / sd;

		by_sd += weight * (expected / sd - z * d_mean[s]);
		d_mean[s] *= weight;
	}
	m->d_variance[i] = by_sd / (2 * sd);
	return top + log(sum / m->samples);
}

static double upper_bound(struct on_model *m, uint32_t i)
{
	double sd = sqrt(m->variance[i]), sum = 0;

	for (uint32_t s = 0; s < m->samples; s++) {
		sum += m->mean[(size_t)i * m->samples + s];
		m->d_mean[(size_t)i * m->samples + s] = 1.0 / m->samples;
	}
	m->d_variance[i] = m->kappa / (2 * sd);
	return sum / m->samples + m->kappa * sd;
}

static enum algo_outcome on_model_forward(
	struct acquisition *a, const double *points, uint32_t b, double *value)
{
	struct on_model *m = (struct on_model *)a;
	enum algo_outcome outcome = gp_forward(m->g, m->work, points, b, m->mean, m->variance);

	m->b = b;
	if (outcome == ALGO_OK && m->trend)
		outcome = add_trend(m, points);
	for (uint32_t i = 0; outcome == ALGO_OK && i < b; i++)
		value[i] = m->kind == IMPROVEMENT_UCB ? upper_bound(m, i) : log_mean(m, i);
	return outcome;
}

struct acquisition *acquisition_improvement_on(const struct trend *trend, const struct gp *g,
	enum improvement kind, const double *best, double kappa)
{
	struct on_model *m = on_model_new(trend, g, gp_samples(g));

	if (!m)
		return NULL;
	memcpy(m->best, best, m->samples * sizeof(*best));
	m->base.forward = on_model_forward;
	m->base.backward = on_model_backward;
	m->kind = kind;
	m->kappa = kappa;
	return &m->base;
}

struct acquisition *acquisition_improvement(
	const struct gp *g, enum improvement kind, const double *best, double kappa)
{
	return acquisition_improvement_on(NULL, g, kind, best, kappa);
}

struct acquisition *acquisition_probability(const struct gp *g, double threshold)
{
	double best[1] = {threshold};

	ALGO_ASSERT(gp_samples(g) == 1);
	return acquisition_improvement(g, IMPROVEMENT_LOG_PI, best, 0);
}

/* ---- sums -------------------------------------------------------------------------------------- */

struct sum {
	struct acquisition base;
	struct acquisition *terms[ACQUISITION_TERMS];
	uint32_t n, columns, b;
	double value[ACQUISITION_BLOCK];
	double gradient[];          /* [block x columns]                                               */
};

static void sum_free(struct acquisition *a)
{
	struct sum *s = (struct sum *)a;

	for (uint32_t i = 0; i < s->n; i++)
		acquisition_free(s->terms[i]);
	free(s);
}

static enum algo_outcome sum_forward(
	struct acquisition *a, const double *points, uint32_t b, double *value)
{
	struct sum *s = (struct sum *)a;
	enum algo_outcome outcome = s->terms[0]->forward(s->terms[0], points, b, value);

	s->b = b;
	for (uint32_t i = 1; outcome == ALGO_OK && i < s->n; i++) {
		outcome = s->terms[i]->forward(s->terms[i], points, b, s->value);
		for (uint32_t k = 0; outcome == ALGO_OK && k < b; k++)
			value[k] += s->value[k];
	}
	return outcome;
}

static void sum_backward(struct acquisition *a, double *gradient)
{
	struct sum *s = (struct sum *)a;

	s->terms[0]->backward(s->terms[0], gradient);
	for (uint32_t i = 1; i < s->n; i++) {
		s->terms[i]->backward(s->terms[i], s->gradient);
		for (size_t k = 0; k < (size_t)s->b * s->columns; k++)
			gradient[k] += s->gradient[k];
	}
}

struct acquisition *acquisition_sum(struct acquisition *const *terms_take, uint32_t n, uint32_t columns)
{
	struct sum *s = malloc(sizeof(*s) + (size_t)ACQUISITION_BLOCK * columns * sizeof(*s->gradient));
	bool ok = s != NULL;

	for (uint32_t i = 0; i < n; i++)
		ok = ok && terms_take[i];
	if (!ok) {
		for (uint32_t i = 0; i < n; i++)
			acquisition_free(terms_take[i]);
		free(s);
		return NULL;
	}
	s->base = (struct acquisition){.forward = sum_forward, .backward = sum_backward, .free = sum_free};
	memcpy(s->terms, terms_take, n * sizeof(*s->terms));
	s->n = n;
	s->columns = columns;
	return &s->base;
}

void acquisition_free(struct acquisition *a)
{
	if (a)
		a->free(a);
}
