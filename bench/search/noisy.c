/*
 * Problems of the other sets with normal noise on what is told. A search is scored by the true value of
 * the trial that looked best.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "algorithms/rng.h"
#include "bench/search/problem.h"

struct noisy {
	struct problem inner;
	double sd;
};

static const struct {
	const char *name;
	double sd;                  /* some per cent of the range that random search sees          */
} table[] = {
	{"functions/branin", 2},
	{"functions/hartmann-6", 0.15},
	{"functions/ackley-5", 0.5},
	{"functions/levy-4", 1},
	{"functions/styblinski-tang-5", 5},
	{"functions/shekel-4", 0.3},
	{"bbob/f01-d10", 2},
	{"bbob/f15-d05", 5},
	{"mixed/func3c", 0.1},
	{"mixed/mixed-10", 0.03},
	{"mixed/svm", 0.03},
	{"mixed/network", 0.03},
	{"mixed/choices", 0.03},
};

static double evaluate(const struct problem *p, const double *x, uint64_t draw)
{
	const struct noisy *n = p->data;
	double v = n->inner.evaluate(&n->inner, x, 0);
	struct rng rng = rng_seeded(draw);

	return draw == 0 ? v : v + n->sd * rng_normal(&rng);
}

void problems_add_noisy(struct problems *all)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		int inner = problems_find(all, table[i].name);
		struct noisy *n = problems_own(all, sizeof(*n));
		struct problem p;

		if (inner < 0 || !n)
			return;
		n->inner = p = *problems_at(all, (uint32_t)inner);
		n->sd = table[i].sd;
		p.noisy = true;
		p.evaluate = evaluate;
		p.data = n;
		snprintf(p.name, sizeof(p.name), "noisy/%.60s", strchr(table[i].name, '/') + 1);
		problems_add(all, &p);
	}
}
