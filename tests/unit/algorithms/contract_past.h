/* The part of the contract suite about what was before: histories and earlier experiments of every kind. */
#pragma once
#include "tests/unit/algorithms/study.h"

/* Fewer trials of an algorithm whose suggestions take milliseconds. */
int contract_trials(const struct algorithm *a, int dear, int cheap);
/* With a study on each of the named spaces that the algorithm can search. */
void contract_each_space(const struct algorithm *a, void (*check)(struct study *s));

/* Tests: *state is the algorithm. */
void contract_strange_histories(void **state);
void contract_sources(void **state);
