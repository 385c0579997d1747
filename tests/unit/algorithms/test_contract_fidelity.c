/* The contract suite over the schedulers: with their own sampler, with others, and with the resource in a
 * parameter of the space. */
#include "algorithms/registry.h"
#include "tests/unit/algorithms/contract.h"

static const struct {
	const struct algorithm *a;
	struct contract_options options;
} suites[] = {
	{&algorithm_asha, {"asha", NULL, false}},
	{&algorithm_bohb, {"bohb", NULL, false}},
	{&algorithm_pasha, {"pasha", NULL, false}},
	{&algorithm_asha, {"asha, tpe", (const char *const[]){"sampler", "tpe", NULL}, true}},
	{&algorithm_asha,
		{"asha, promotion, random", (const char *const[]){"variant", "promotion", "sampler", "random", NULL}, false}},
	{&algorithm_asha,
		{"asha, promotion, sobol, brackets",
			(const char *const[]){"variant", "promotion", "sampler", "sobol", "brackets", "3", NULL}, true}},
	{&algorithm_hyperband, {"hyperband, cmaes", (const char *const[]){"sampler", "cmaes", NULL}, false}},
	{&algorithm_hyperband, {"hyperband, a parameter", NULL, true}},
	{&algorithm_successive_halving,
		{"successive-halving, nsga2", (const char *const[]){"sampler", "nsga2", NULL}, true}},
	{&algorithm_bohb, {"bohb, tpe", (const char *const[]){"sampler", "tpe", NULL}, true}},
	{&algorithm_pasha, {"pasha, grid", (const char *const[]){"sampler", "grid", NULL}, false}},
};

int main(void)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof(suites) / sizeof(*suites); i++)
		failed += contract_run_with(suites[i].a, &suites[i].options);
	return failed;
}
