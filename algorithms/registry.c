/* All search algorithms. */
#include "algorithms/registry.h"

#include <string.h>

const struct algorithm *const algorithms[] = {
	&algorithm_auto,
	&algorithm_gp,
	&algorithm_random,
	&algorithm_grid,
	&algorithm_sobol,
	&algorithm_tpe,
	&algorithm_nsga2,
	&algorithm_cmaes,
	&algorithm_pbt,
	&algorithm_asha,
	&algorithm_hyperband,
	&algorithm_bohb,
	&algorithm_successive_halving,
	&algorithm_pasha,
	NULL,
};
const size_t n_algorithms = sizeof(algorithms) / sizeof(*algorithms) - 1;

const struct algorithm *algorithm_find(const char *name)
{
	for (size_t i = 0; i < n_algorithms; i++) {
		const struct algorithm *a = algorithms[i];

		if (strcmp(a->name, name) == 0)
			return a;
		for (size_t k = 0; a->aliases && a->aliases[k]; k++)
			if (strcmp(a->aliases[k], name) == 0)
				return a;
	}
	return NULL;
}
