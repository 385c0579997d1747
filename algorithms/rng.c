/* xoshiro256++ 1.0 (Blackman and Vigna, public domain) behind splitmix64 seeding. */
#include "algorithms/rng.h"

#include <math.h>

#include "algorithms/assert.h"

static uint64_t rotate(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t rng_mix(uint64_t a, uint64_t b)
{
	uint64_t state = a;

	state = splitmix(&state) ^ b;
	return splitmix(&state);
}

struct rng rng_seeded(uint64_t seed)
{
	struct rng r;

	for (int i = 0; i < 4; i++)
		r.s[i] = splitmix(&seed);
	return r;
}

struct rng rng_stream(uint64_t seed, enum rng_purpose purpose, uint64_t index)
{
	return rng_seeded(rng_mix(rng_mix(seed, purpose), index));
}

uint64_t rng_next(struct rng *r)
{
	uint64_t *s = r->s;
	uint64_t result = rotate(s[0] + s[3], 23) + s[0];
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

/* 52 random bits and a half: the outermost values are 2^-53 and 1 - 2^-53. */
double rng_uniform(struct rng *r)
{
	return ((double)(rng_next(r) >> 12) + 0.5) * 0x1p-52;
}

double rng_normal(struct rng *r)
{
	double radius = sqrt(-2 * log(rng_uniform(r)));

	return radius * cos(2 * M_PI * rng_uniform(r));
}

/* Lemire's multiplication; the low word tells the few draws that would be biased. */
uint64_t rng_below(struct rng *r, uint64_t n)
{
	ALGO_ASSERT(n > 0);
	unsigned __int128 product = (unsigned __int128)rng_next(r) * n;

	if ((uint64_t)product < n) {
		uint64_t biased = -n % n;

		while ((uint64_t)product < biased)
			product = (unsigned __int128)rng_next(r) * n;
	}
	return (uint64_t)(product >> 64);
}

void rng_shuffle(struct rng *r, uint32_t *a, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = rng_below(r, i);
		uint32_t swap = a[i - 1];

		a[i - 1] = a[k];
		a[k] = swap;
	}
}
