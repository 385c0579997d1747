/* The contract suite over gp, whose suggestions take milliseconds. */
#include "algorithms/registry.h"
#include "tests/unit/algorithms/contract.h"

int main(void)
{
	return contract_run(&algorithm_gp);
}
