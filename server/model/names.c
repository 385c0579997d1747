#include "server/model/names.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "server/model/spec.h"

enum { SUFFIX = 8 };

/* A hash of short facts, told apart by what they are for. */
static void digest(unsigned char out[SHA256_DIGEST_LENGTH], const char *purpose, const char *uid, int64_t number)
{
	char text[256];
	int n = snprintf(text, sizeof text, "%s/%s/%" PRId64, purpose, uid, number);
	assert(n > 0 && (size_t)n < sizeof text);
	SHA256((const unsigned char *)text, (size_t)n, out);
}

static uint64_t first_bits(const unsigned char *hash, unsigned bits)
{
	assert(bits > 0 && bits < 64);
	uint64_t v = 0;
	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | hash[i];
	return v >> (64 - bits);
}

void trial_name(char out[TRIAL_NAME_MAX], const char *experiment, const char *uid, int64_t number)
{
	static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";
	size_t n = strlen(experiment);
	assert(n <= SPEC_NAME_MAX && number > 0);

	unsigned char hash[SHA256_DIGEST_LENGTH];
	digest(hash, "trial", uid, number);
	uint64_t bits = first_bits(hash, 5 * SUFFIX);

	memcpy(out, experiment, n);
	out[n++] = '-';
	for (unsigned i = 0; i < SUFFIX; i++)
		out[n++] = base32[bits >> (5 * (SUFFIX - 1 - i)) & 31];
	out[n] = '\0';
}

int64_t experiment_seed(const struct experiment_spec *s, const char *uid)
{
	if (s->algorithm.has_seed)
		return s->algorithm.seed;
	unsigned char hash[SHA256_DIGEST_LENGTH];
	digest(hash, "seed", uid, 0);
	return (int64_t)first_bits(hash, 53);
}

int64_t trial_seed(int64_t seed, int64_t number)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRId64, seed);
	unsigned char hash[SHA256_DIGEST_LENGTH];
	digest(hash, "trial-seed", text, number);
	return (int64_t)first_bits(hash, 31);
}
