/*
 * The functions that simulated trials compute: standard tests of optimisers, to be minimised. Arguments
 * are what the command says after the name, any number of them where a function takes many.
 */
#pragma once
#include <stddef.h>

struct simulated_function {
	const char *name;
	size_t arguments;               /* exactly; 0 = any number from 1 on */
	double (*value)(const double *x, size_t n);
	const char *doc;                /* domain and minimum */
};

/* NULL when there is none of that name. */
const struct simulated_function *simulated_function_find(const char *name);
/* The whole table, ended by a NULL name. */
extern const struct simulated_function simulated_functions[];
