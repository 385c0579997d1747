/* What the tests of stoppers share. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/stopping/stopper.h"

enum { STOPPING_SETTINGS_MAX = 8 };

/* One rule with its settings, "medianstop start_step=2", or "rungs". */
struct stopping_rule {
	struct algo_value values[STOPPING_SETTINGS_MAX];
	struct stop_use use;
};

/* Fails the test if the text is not right. */
void stopping_rule_init(struct stopping_rule *r, const char *text);
/* A stopper of one rule, of a loss that is minimised or not, the best of which counts. */
struct stopper *stopping_with(const char *text, enum algo_direction direction);
/* A trial that runs to its end with these values at steps 1, 2, ... */
void stopping_whole(struct stopper *s, uint32_t number, const double *values, uint32_t n);
