/* What every search algorithm promises, checked on any of them: add it to the registry and this runs. */
#pragma once
#include "tests/unit/algorithms/study.h"

/* All tests of the suite. How many failed. */
int contract_run(const struct algorithm *a);

/* The same with settings, "name", "value", ..., NULL, and with the resource in a parameter of the space. */
struct contract_options {
	const char *name;           /* of the group of tests                                       */
	const char *const *settings;
	bool resource_is_parameter;
};
int contract_run_with(const struct algorithm *a, const struct contract_options *o);
