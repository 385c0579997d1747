/*
 * Search spaces for the tests of the algorithms: a few by name, any number at random.
 */
#pragma once
#include "algorithms/rng.h"
#include "algorithms/space.h"

struct named_space {
	const char *name;
	struct space *(*make)(void);
};
extern const struct named_space named_spaces[]; /* ended by a NULL name */
struct space *space_named(const char *name);

/* Any kind of space: 1 to 8 parameters of every kind and distribution, often with conditions. With
 * `finite`, every parameter has few values. */
struct space *random_space(struct rng *r, bool finite);

struct space *space_of(const struct space_param *params, uint32_t n);
/* A space that is not to be built: its first problem. */
struct space_problem space_refused(const struct space_param *params, uint32_t n);
