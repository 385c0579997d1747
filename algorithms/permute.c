/* Format-preserving permutation by a Feistel network. */
#include "algorithms/permute.h"

#include "algorithms/assert.h"
#include "algorithms/rng.h"

enum { ROUNDS = 6 };

struct permutation permutation_new(uint64_t n, uint64_t seed)
{
	struct permutation p = {.n = n, .seed = seed, .half_bits = 1};

	ALGO_ASSERT(n >= 1);
	while (p.half_bits < 32 && (UINT64_C(1) << 2 * p.half_bits) < n)
		p.half_bits++;
	return p;
}

uint64_t permutation_at(const struct permutation *p, uint64_t i)
{
	uint64_t mask = (UINT64_C(1) << p->half_bits) - 1;

	ALGO_ASSERT(i < p->n);
	do {
		uint64_t left = i >> p->half_bits, right = i & mask;

		for (uint64_t round = 0; round < ROUNDS; round++) {
			uint64_t next = left ^ (rng_mix(p->seed + round, right) & mask);

			left = right;
			right = next;
		}
		i = left << p->half_bits | right;
	} while (i >= p->n);
	return i;
}
