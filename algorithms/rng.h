/*
 * Random numbers with explicit state: xoshiro256++ seeded through splitmix64.
 *
 * Nothing here is global and nothing is seeded from outside. A search derives one stream per thing
 * that it decides, from the seed and the number of the trial (rng_stream()), so that what is drawn
 * for trial 17 does not depend on how many trials were asked for at once or by which process.
 *
 * Every function gives the same bits on every machine that has IEEE doubles and the same libm; the
 * integer and uniform ones on every machine.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t s[4];
};

/* Streams of one seed that must not meet: what they are drawn for. */
enum rng_purpose {
	RNG_SUGGEST = 1,        /* the values of one trial         */
	RNG_SCRAMBLE = 2,       /* a scrambled sequence, per axis  */
	RNG_ORDER = 3,          /* a permutation of a finite space */
	RNG_MODEL = 4,          /* starts and samples of a fit     */
};

uint64_t rng_mix(uint64_t a, uint64_t b);       /* a good 64-bit hash of the pair              */

struct rng rng_seeded(uint64_t seed);
struct rng rng_stream(uint64_t seed, enum rng_purpose purpose, uint64_t index);

uint64_t rng_next(struct rng *r);
double rng_uniform(struct rng *r);              /* (0, 1), never an end point; 52 bits         */
double rng_normal(struct rng *r);               /* mean 0, sd 1                                */
uint64_t rng_below(struct rng *r, uint64_t n);  /* 0 .. n-1 without bias; n >= 1               */
void rng_shuffle(struct rng *r, uint32_t *a, size_t n);
