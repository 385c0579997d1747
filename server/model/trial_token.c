#include "server/model/trial_token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const char prefix[] = "tt_";

void trial_token_make(
	char out[TRIAL_TOKEN_MAX], const void *key, size_t key_len, int64_t experiment_id, int32_t number)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned mac_len = 0;
	char text[48];
	int n = snprintf(text, sizeof text, "%" PRId64 "/%" PRId32, experiment_id, number);

	HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, (size_t)n, mac, &mac_len);
	n = snprintf(out, TRIAL_TOKEN_MAX, "%s%" PRId64 "_%" PRId32 "_", prefix, experiment_id, number);
	for (unsigned i = 0; i < mac_len; i++)
		n += snprintf(out + n, TRIAL_TOKEN_MAX - (size_t)n, "%02x", mac[i]);
}

bool trial_token_is(const char *token)
{
	return strncmp(token, prefix, sizeof prefix - 1) == 0;
}

bool trial_token_check(
	const char *token, const void *key, size_t key_len, int64_t *experiment_id, int32_t *number)
{
	char right[TRIAL_TOKEN_MAX], *end;

	if (!trial_token_is(token))
		return false;
	const int64_t id = strtoll(token + sizeof prefix - 1, &end, 10);
	if (*end != '_')
		return false;
	const long n = strtol(end + 1, &end, 10);
	if (n < 1 || n > INT32_MAX)
		return false;
	/* Making the one right token and comparing whole texts leaves no second spelling of an id. */
	trial_token_make(right, key, key_len, id, (int32_t)n);
	if (strlen(token) != strlen(right) || CRYPTO_memcmp(token, right, strlen(right)) != 0)
		return false;
	*experiment_id = id;
	*number = (int32_t)n;
	return true;
}
