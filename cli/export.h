/* All trials of an experiment, as the server writes them: pages one behind the other. */
#pragma once
#include <stdio.h>

struct cli;

int export_csv(struct cli *c, const char *experiment, const char *state, FILE *to);
