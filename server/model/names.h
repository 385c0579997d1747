/*
 * Names and seeds that are derived, never drawn: the same experiment and trial number give the same
 * name and seed after any crash, so that a repeated create meets itself.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct experiment_spec;

enum { TRIAL_NAME_MAX = 40 + 1 + 8 + 1 };

/* "<experiment>-" and 8 characters of base 32 (lib/hash.h) of SHA-256 of (uid, number). `uid` is the
 * experiment's, as text; number counts from 1. */
void trial_name(char out[TRIAL_NAME_MAX], const char *experiment, const char *uid, int64_t number);
/* The experiment's seed: the document's, or else one of its uid. 0..2^53. */
int64_t experiment_seed(const struct experiment_spec *s, const char *uid);
/* The trial's own seed (TRIMTAB_SEED): 0..2^31-1, what every framework accepts. */
int64_t trial_seed(int64_t experiment_seed, int64_t number);
