/*
 * The contract suite over the registry: one group of tests for each algorithm. Those that take long
 * have a program of their own, test_contract_NAME.c. With arguments: only the algorithms of these
 * names.
 */
#include <stdbool.h>
#include <string.h>

#include "algorithms/registry.h"
#include "tests/unit/algorithms/contract.h"

static const char *const elsewhere[] = {"gp", "auto", "asha", "bohb", "pasha", NULL};

static bool listed(const struct algorithm *a, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(a->name, *names) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (size_t i = 0; i < n_algorithms; i++) {
		const struct algorithm *a = algorithms[i];

		if (argc > 1 ? listed(a, (const char *const *)argv + 1) : !listed(a, elsewhere))
			failed += contract_run(a);
	}
	return failed;
}
