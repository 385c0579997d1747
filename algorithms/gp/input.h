/*
 * Input warping: a column of numbers in [0, 1] bent by Kumaraswamy's distribution function,
 *     w(u) = 1 - (1 - u^a)^b,
 * so that a stationary kernel fits a function that changes faster at one end (Snoek et al. 2014, with
 * the closed form that HEBO and Vizier use in place of the beta distribution's). a = b = 1 bends
 * nothing. The ends are cut off by 1e-7, where derivatives may be infinite.
 */
#pragma once

struct input_bend {
	double a, b;
};

struct input_slopes {
	double by_u, by_log_a, by_log_b;
};

double input_warp(struct input_bend s, double u);
/* The value, and the derivatives in *slopes. */
double input_warp_slopes(struct input_bend s, double u, struct input_slopes *slopes);
