/*
 * Tokens of trials: what lets a training script report to its own trial and to nothing else.
 *
 *     tt_<experiment id>_<trial number>_<64 hex digits of HMAC-SHA256(key, "<id>/<number>")>
 *
 * They are made from the installation's key and checked without the database. The key is never shown.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRIAL_TOKEN_MAX = 128 };

void trial_token_make(char out[TRIAL_TOKEN_MAX], const void *key, size_t key_len, int64_t experiment_id,
	int32_t number);
/* Does it look like one of ours at all? */
bool trial_token_is(const char *token);
/* True, with the ids filled in, only if the signature is right (compared in constant time). */
bool trial_token_check(const char *token, const void *key, size_t key_len, int64_t *experiment_id,
	int32_t *number);
