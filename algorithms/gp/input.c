/* Kumaraswamy's distribution function and its derivatives. */
#include "algorithms/gp/input.h"

#include <math.h>

static const double END = 1e-7;

static double inside(double u)
{
	return u < END ? END : u > 1 - END ? 1 - END : u;
}

double input_warp(struct input_bend s, double u)
{
	return -expm1(s.b * log(-expm1(s.a * log(inside(u)))));
}

double input_warp_slopes(struct input_bend s, double u, struct input_slopes *slopes)
{
	double log_u = log(inside(u)), power = exp(s.a * log_u);
	double log_rest = log(-expm1(s.a * log_u));     /* of 1 - u^a */
	double rest = exp(s.b * log_rest);
	double steep = s.a * s.b * power * exp((s.b - 1) * log_rest);

	slopes->by_u = u < END || u > 1 - END ? 0 : steep / u;
	slopes->by_log_a = steep * log_u;
	slopes->by_log_b = -s.b * rest * log_rest;
	return 1 - rest;
}
