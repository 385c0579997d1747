/*
 * A value for every parameter of one group: the best of many candidates by ln l(x) - ln g(x), where l
 * is the density of the good trials and g that of the others, pending ones included (Bergstra et al.
 * 2011: the expected improvement grows with l / g).
 *
 * A group is a set of parameters that have been active in the same trials, so that their joint
 * density can be learned. Candidates are drawn from l, of which the prior is a part, the best one is
 * refined by moves along its real axes, and on request what has been seen is passed over.
 */
#pragma once
#include "algorithms/rng.h"
#include "algorithms/tpe/parzen.h"
#include "algorithms/tpe/rows.h"
#include "algorithms/tpe/split.h"

struct proposer {
	uint32_t n_candidates;
	float prior_weight;
	struct parzen good, bad;
	const struct parzen_axis **axes;            /* [d]: those of the group                     */
	struct parzen_row *good_rows, *bad_rows;
	size_t cap_good, cap_bad;
	uint32_t n_good, n_bad;
	bool *had;                                  /* [n_ended]: the group's parameters           */
	size_t cap_had;
	float *candidates, *scores;                 /* [n_candidates][d], [n_candidates]           */
};

struct group {
	const uint32_t *params;
	uint32_t n;
};

/* Arrays for spaces of d parameters. False: no memory; free it all the same. */
bool proposer_init(struct proposer *p, uint32_t d, uint32_t n_candidates, double prior_weight);
void proposer_free(struct proposer *p);

/*
 * Writes natural values of the group's parameters into x. `seen` is NULL or holds what is to be
 * avoided; the group is then all there is. ALGO_OK, ALGO_NO_MEMORY or ALGO_CANCELLED.
 */
enum algo_outcome propose(struct proposer *p, const struct rows *rows, const struct split *split,
	struct group group, const struct seen *seen, const atomic_bool *cancel, struct rng *r, double *x);
