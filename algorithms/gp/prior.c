/* The densities that hyperparameters have before any data: published sets, and how to evaluate them. */
#include <math.h>

#include "algorithms/gp/model_impl.h"

/* Bounds that keep a search sane where a prior does not: lengthscales from a hundredth of the range. */
#define LENGTHS .min = -4.6051701859880914, .max = 4.6051701859880914
#define SIGNALS .min = -6.9077552789821368, .max = 4.6051701859880914
#define NOISES .min = -13.815510557964274, .max = 0
/* On 1/l^2, as Optuna has it: around 1, where two categories that differ have half in common. */
#define AROUND_ONE .up = 0.1, .down = 0.1, .power = 2, .min = -7, .max = 7
/* The same, below 0.6: of two branches at most a quarter is common. */
#define LN_0_6 (-0.51082562376599072)
#define APART .up = 0.1, .down = 0.1, .power = 2, .min = -7, .max = LN_0_6, .start = LN_0_6
/* Gamma(1.1, 30) on the variance: much noise is unlikely, none at all is not. */
#define LITTLE_NOISE .slope = 0.1, .up = 30, .power = 1, NOISES, .start = -5.7037824746562009
/* On the variance of the linear part: the less the better, so that it fades where nothing speaks for it. */
#define LITTLE_LINEAR .slope = -0.1, .up = 1, .power = 1, .min = -9, .max = 2, .start = -1.5

/* Lengthscales of the dimension-scaled set are centered by gp_prior(). */
static const struct gp_prior sets[] = {
	[GP_PRIOR_DEFAULT] = {
		.lengthscale = {.precision = 1.0 / 3, .slope = -1, LENGTHS},
		.category = {AROUND_ONE},
		.few = {AROUND_ONE},
		.branch = {APART},
		.signal = {.precision = 1 / 0.49, SIGNALS},
		.noise = {LITTLE_NOISE},
		.linear = {LITTLE_LINEAR},
		.mean_variance = 10,
	},
	[GP_PRIOR_BOTORCH] = {
		.lengthscale = {.precision = 1.0 / 3, .slope = -1, .min = -3.6888794541139363, .max = 10},
		.signal = {.min = 0, .max = 0},
		.noise = {.center = -4, .precision = 1, .slope = -1, .min = -9.2103403719761836, .max = 3,
			.start = -5},
		.mean_variance = 1e6,
	},
	[GP_PRIOR_OPTUNA] = {
		.lengthscale = {AROUND_ONE},
		.signal = {.slope = 1, .up = 1, .power = 1, .min = -10, .max = 5},
		.noise = {LITTLE_NOISE},
	},
	[GP_PRIOR_VIZIER] = {
		.lengthscale = {.center = -0.34657359027997264, .precision = 0.08, .min = -2.3025850929940455,
			.max = 2.3025850929940455, .start = -0.34657359027997264},
		.signal = {.center = -3.2441936328524905, .precision = 0.02, .min = -6.9077552789821368,
			.max = 2.3025850929940455, .start = -3.2441936328524905},
		.noise = {.center = -5.546778725846536, .precision = 0.02, .min = -23.025850929940457, .max = 0,
			.start = -5.5467787257465},
	},
	[GP_PRIOR_HEBO] = {
		.lengthscale = {LENGTHS, .start = -0.69314718055994529},
		.signal = {.slope = -0.5, .up = 0.5, .power = 1, SIGNALS},
		.noise = {.center = -4.6051701859880909, .precision = 4, .slope = -1,
			.min = -7.1308988302963465, .max = 0, .start = -4.6051701859880909},
		.mean_variance = 1e6,
	},
};

/* Hvarfner, Hellsten and Nardi 2024 (arXiv 2402.02229): the median grows as the root of dimension. Ours
 * is half of theirs, found better by measurement (bench/results/search-decisions.md). */
static const double SHORTER = -0.7;

struct gp_prior gp_prior(enum gp_prior_set set, uint32_t active)
{
	struct gp_prior p = sets[set];

	if (set == GP_PRIOR_DEFAULT || set == GP_PRIOR_BOTORCH) {
		p.lengthscale.center =
			M_SQRT2 + 0.5 * log(active > 0 ? active : 1) + (set == GP_PRIOR_DEFAULT ? SHORTER : 0);
		p.lengthscale.start = fmin(p.lengthscale.center - 3, p.lengthscale.max);
	}
	if (set != GP_PRIOR_DEFAULT)
		p.category = p.few = p.branch = p.lengthscale;
	return p;
}

void gp_prior_bend_inputs(struct gp_prior *p)
{
	p->bend = (struct gp_density){
		.precision = 1 / (0.75 * 0.75), .min = -1.3862943611198906, .max = 1.3862943611198906};
}

double gp_log_prior(const struct gp_density *p, double t, double *derivative)
{
	double apart = t - p->center;
	double up = p->up > 0 ? p->up * exp(p->power * t) : 0;
	double down = p->down > 0 ? p->down * exp(-p->power * t) : 0;

	*derivative = -p->precision * apart + p->slope - p->power * (up - down);
	return -0.5 * p->precision * apart * apart + p->slope * t - up - down;
}

const struct gp_density *gp_prior_of(const struct gp *g, uint32_t j)
{
	static const struct gp_density held = {0};

	if (j < g->d)
		return &g->lengthscales[j];
	if (j < g->d + 3)
		return j == g->d ? &g->prior.signal : j == g->d + 1 ? &g->prior.noise : &g->prior.linear;
	return g->category[(j - g->d - 3) / 2] ? &held : &g->prior.bend;
}
