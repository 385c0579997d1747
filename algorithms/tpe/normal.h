/* The standard normal distribution where differences of its probabilities would lose their digits. */
#pragma once

/* ln(Phi(b) - Phi(a)), to the last digits also far out in either tail; a < b, both may be infinite. */
double normal_log_mass(double a, double b);
double normal_log_cdf(double z); /* ln Phi(z)                                                        */
