#include "server/model/names.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/hash.h"
#include "server/model/spec.h"

enum { SUFFIX = 8 };

/* A hash of short facts, told apart by what they are for. */
static void digest(uint8_t out[HASH_SIZE], const char *purpose, const char *uid, int64_t number)
{
	char text[256];
	int n = snprintf(text, sizeof text, "%s/%s/%" PRId64, purpose, uid, number);
	assert(n > 0 && (size_t)n < sizeof text);
	hash_sha256(text, (size_t)n, out);
}

static uint64_t first_bits(const uint8_t *hash, unsigned bits)
{
	assert(bits > 0 && bits < 64);
	uint64_t v = 0;
	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | hash[i];
	return v >> (64 - bits);
}

void trial_name(char out[TRIAL_NAME_MAX], const char *experiment, const char *uid, int64_t number)
{
	size_t n = strlen(experiment);
	assert(n <= SPEC_NAME_MAX && number > 0);

	uint8_t hash[HASH_SIZE];
	digest(hash, "trial", uid, number);
	memcpy(out, experiment, n);
	out[n++] = '-';
	hash_base32(hash, SUFFIX, out + n);
}

int64_t experiment_seed(const struct experiment_spec *s, const char *uid)
{
	if (s->algorithm.has_seed)
		return s->algorithm.seed;
	uint8_t hash[HASH_SIZE];
	digest(hash, "seed", uid, 0);
	return (int64_t)first_bits(hash, 53);
}

int64_t trial_seed(int64_t seed, int64_t number)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRId64, seed);
	uint8_t hash[HASH_SIZE];
	digest(hash, "trial-seed", text, number);
	return (int64_t)first_bits(hash, 31);
}
