/* The contract suite over the whole registry: one group of tests for each algorithm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "algorithms/registry.h"
#include "tests/unit/algorithms/contract.h"

#define CONTRACT(f)             \
	{                           \
#f, f, NULL, NULL, NULL \
	}

static int run(const struct algorithm *a)
{
	struct CMUnitTest tests[] = {
		CONTRACT(contract_table),
		CONTRACT(contract_valid_on_every_space),
		CONTRACT(contract_deterministic),
		CONTRACT(contract_batch_is_singles),
		CONTRACT(contract_rebuilds_to_the_same_bits),
		CONTRACT(contract_finite_spaces_end),
		CONTRACT(contract_strange_histories),
		CONTRACT(contract_cancel),
		CONTRACT(contract_seeds_differ),
		CONTRACT(contract_random_spaces),
		CONTRACT(contract_threads),
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		tests[i].initial_state = (void *)(uintptr_t)a;
	return cmocka_run_group_tests_name(a->name, tests, NULL, NULL);
}

int main(void)
{
	int failed = 0;

	for (size_t i = 0; i < n_algorithms; i++)
		failed += run(algorithms[i]);
	return failed;
}
