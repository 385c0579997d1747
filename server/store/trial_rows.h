/* How rows of trials are decoded: shared by store_trial.c (control) and store_trial_user.c (API). */
#pragma once
#include "server/store/call.h"
#include "server/store/store_trial.h"

struct store_call *trials_call(struct store *s, enum stmt stmt, struct arena *a, store_trials_cb *done, void *ctx);
void trials_numbers(struct pg_args *p, const int *numbers, size_t n);
