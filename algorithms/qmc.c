/* Scrambled Sobol points. */
#include "algorithms/qmc.h"

#include <stdlib.h>

#include "algorithms/assert.h"
#include "algorithms/rng.h"

enum { BITS = 32 };

struct qmc {
	uint32_t dims;
	uint64_t *scramble;          /* per axis                                    */
	uint32_t (*direction)[BITS]; /* per axis: what each bit of the index adds   */
};

/* Bratley and Fox's recurrence; directions are stored with their first binary digit on top. */
static void fill_directions(uint32_t v[BITS], uint32_t polynomial, const uint16_t *initial)
{
	int degree = 31 - __builtin_clz(polynomial);

	for (int i = 0; i < degree; i++)
		v[i] = (uint32_t)initial[i] << (BITS - 1 - i);
	for (int i = degree; i < BITS; i++) {
		v[i] = v[i - degree] ^ v[i - degree] >> degree;
		for (int k = 1; k < degree; k++)
			if (polynomial >> (degree - k) & 1)
				v[i] ^= v[i - k];
	}
}

struct qmc *qmc_new(uint32_t dims, uint64_t seed)
{
	struct qmc *q = calloc(1, sizeof(*q));
	const uint16_t *initial = qmc_initial;

	if (!q)
		return NULL;
	q->dims = dims;
	q->scramble = malloc((dims + 1) * sizeof(*q->scramble));
	q->direction = calloc(dims + 1, sizeof(*q->direction));
	if (!q->scramble || !q->direction) {
		qmc_free(q);
		return NULL;
	}
	for (uint32_t j = 0; j < dims; j++)
		q->scramble[j] = rng_mix(rng_mix(seed, RNG_SCRAMBLE), j);
	for (int i = 0; i < BITS && dims > 0; i++)
		q->direction[0][i] = 1u << (BITS - 1 - i);
	for (uint32_t j = 1; j < dims && j < QMC_SOBOL_DIMS; j++) {
		fill_directions(q->direction[j], qmc_polynomial[j], initial);
		initial += 31 - __builtin_clz((uint32_t)qmc_polynomial[j]);
	}
	return q;
}

void qmc_free(struct qmc *q)
{
	if (!q)
		return;
	free(q->scramble);
	free(q->direction);
	free(q);
}

static uint32_t reverse_bits(uint32_t x)
{
	x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
	x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
	x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
	return __builtin_bswap32(x);
}

/*
 * Laine and Karras's hash with Vegdahl's constants: each bit is flipped by a function of the lower
 * ones only, which on reversed bits is a nested uniform scrambling. Twice, with both halves of the
 * seed, because one round leaves correlations between seeds.
 */
static uint32_t owen_scramble(uint32_t x, uint64_t seed)
{
	x = reverse_bits(x);
	for (int round = 0; round < 2; round++, seed >>= 32) {
		uint32_t half = (uint32_t)seed;

		x ^= x * 0x3d20adeau;
		x += half;
		x *= half >> 16 | 1;
		x ^= x * 0x05526c56u;
		x ^= x * 0x53a22864u;
	}
	return reverse_bits(x);
}

void qmc_point(const struct qmc *q, uint32_t index, double *u)
{
	for (uint32_t j = 0; j < q->dims; j++) {
		uint32_t x = 0;

		if (j >= QMC_SOBOL_DIMS) {
			struct rng r = rng_seeded(rng_mix(q->scramble[j], index));

			u[j] = rng_uniform(&r);
			continue;
		}
		for (uint32_t i = index, bit = 0; i; i >>= 1, bit++)
			if (i & 1)
				x ^= q->direction[j][bit];
		u[j] = ((double)owen_scramble(x, q->scramble[j]) + 0.5) * 0x1p-32;
	}
}
