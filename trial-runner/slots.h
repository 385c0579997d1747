/*
 * What a machine has to give to trials: places, cores and GPUs, handed out and returned. Pure
 * bookkeeping; a trial that asks for no cores counts as one.
 */
#pragma once
#include <stdbool.h>

#include "trial-runner/backend.h"

struct slots {
	struct run_capacity cap;
	char **gpus;                    /* names for CUDA_VISIBLE_DEVICES    */
	bool *gpu_busy;
};

void slots_init(struct slots *s, int32_t slots, double cpus, const char *const *gpus);
void slots_free(struct slots *s);
enum run_fit slots_fit(const struct slots *s, const struct run_resources *r);
/* What fits is taken; returns the value of CUDA_VISIBLE_DEVICES (owned by the caller): "" when none
 * was asked for, NULL when this machine's GPUs are not managed. */
char *slots_take(struct slots *s, const struct run_resources *r);
/* An adopted run keeps what it has, fit or not. */
void slots_retake(struct slots *s, const struct run_resources *r, const char *gpus);
void slots_return(struct slots *s, const struct run_resources *r, const char *gpus);
