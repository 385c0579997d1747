/*
 * Scrambled Sobol points: low discrepancy in every seed, a different sequence for each.
 *
 * Joe and Kuo's direction numbers, each axis under its own nested uniform (Owen) scrambling, done by
 * a hash. What holds for the plain sequence holds for every seed: the first 2^m points, and every
 * aligned block of 2^m after them, put one point into each of the 2^m equal intervals of every
 * axis; in two dimensions the imbalance is that of the direction numbers.
 *
 * A generator belongs to its creator and is read-only afterwards.
 */
#pragma once
#include <stdint.h>

enum { QMC_SOBOL_DIMS = 1111 }; /* at least SPACE_PARAMS_MAX; further axes are random  */

struct qmc;

struct qmc *qmc_new(uint32_t dims, uint64_t seed); /* NULL: no memory                     */
void qmc_free(struct qmc *q);
/* u[dims] in (0, 1): point `index` of 0 .. 2^32-1. */
void qmc_point(const struct qmc *q, uint32_t index, double *u);

/* The tables (qmc_table.c). */
extern const uint16_t qmc_polynomial[QMC_SOBOL_DIMS];
extern const uint16_t qmc_initial[];
