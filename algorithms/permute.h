/*
 * A random permutation of 0 .. n-1 that is computed, not stored: a Feistel network over the next
 * even power of two, walked until it lands inside. The same seed gives the same permutation.
 */
#pragma once
#include <stdint.h>

struct permutation {
	uint64_t n, seed;
	int half_bits;
};

struct permutation permutation_new(uint64_t n, uint64_t seed);    /* n >= 1 */
uint64_t permutation_at(const struct permutation *p, uint64_t i); /* i < n  */
