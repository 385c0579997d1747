/*
 * Logarithms of normal tails, with slopes, exact to about 1e-12 however far out: what makes the
 * gradient of an acquisition function useful where the function itself has long vanished.
 */
#pragma once

/* ln h(z), h(z) = phi(z) + z Phi(z): the expected improvement of a unit normal. *slope is d/dz. */
double tail_log_improvement(double z, double *slope);
/* ln Phi(z); *slope is d/dz. */
double tail_log_probability(double z, double *slope);
