/* The standard test functions by name, for the problems that are made from them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { FUNCTION_DIM_MAX = 12 };

struct function {
	const char *name;
	uint32_t d;
	double (*f)(const double *x, uint32_t d);
	double min[2], max[2];      /* of the first coordinate and of the others                   */
	double best;
	double optimum[FUNCTION_DIM_MAX];   /* to the digits known; if `same`, the first stands for all */
	bool same;
};

const struct function *function_find(const char *name);         /* must exist                  */
double function_optimum(const struct function *f, uint32_t j);
