#include "algorithms/stopping/rungs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/grow.h"

static size_t n_rungs(const struct stop_rungs *r)
{
	return (size_t)r->plan.brackets * r->plan.n;
}

bool rungs_init(struct stop_rungs *r, const struct algo_rungs *plan)
{
	*r = (struct stop_rungs){0};
	if (!plan || plan->n == 0)
		return true;
	ALGO_ASSERT(
		plan->n <= ALGO_RUNGS_MAX && plan->brackets >= 1 && plan->brackets <= plan->n + 1 && plan->eta > 1);
	r->rungs = calloc((size_t)plan->brackets * plan->n, sizeof(*r->rungs));
	if (!r->rungs)
		return false;
	r->plan = *plan;
	return true;
}

void rungs_free(struct stop_rungs *r)
{
	for (size_t i = 0; i < n_rungs(r); i++)
		free(r->rungs[i].entries);
	free(r->rungs);
}

static uint32_t known(const struct stop_rungs *r, int32_t bracket)
{
	return bracket >= 0 && (uint32_t)bracket < r->plan.brackets ? (uint32_t)bracket : 0;
}

uint32_t rungs_first(const struct stop_rungs *r, int32_t bracket)
{
	return known(r, bracket);
}

struct rung *rungs_at(const struct stop_rungs *r, int32_t bracket, uint32_t k)
{
	ALGO_ASSERT(k < r->plan.n);
	return &r->rungs[(size_t)known(r, bracket) * r->plan.n + k];
}

bool rungs_reserve(struct stop_rungs *r, int32_t bracket)
{
	for (uint32_t k = rungs_first(r, bracket); k < r->plan.n; k++) {
		struct rung *rung = rungs_at(r, bracket, k);

		if (!grow(&rung->entries, &rung->capacity, rung->n + 1, sizeof(*rung->entries)))
			return false;
	}
	return true;
}

/* Where the entry is or belongs. */
static size_t find(const struct rung *r, struct rung_entry e)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct rung_entry *m = &r->entries[middle];

		if (m->cost < e.cost || (m->cost == e.cost && m->number < e.number))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void rung_add(struct rung *r, struct rung_entry e)
{
	size_t i = find(r, e);

	ALGO_ASSERT(r->n < r->capacity && !isnan(e.cost));
	memmove(&r->entries[i + 1], &r->entries[i], (r->n - i) * sizeof(*r->entries));
	r->entries[i] = e;
	r->n++;
}

void rung_remove(struct rung *r, struct rung_entry e)
{
	size_t i = find(r, e);

	ALGO_ASSERT(i < r->n && r->entries[i].number == e.number);
	r->n--;
	memmove(&r->entries[i], &r->entries[i + 1], (r->n - i) * sizeof(*r->entries));
}

double rung_quantile(const struct rung *r, double share)
{
	double place = share * (double)(r->n - 1), part = place - floor(place);
	size_t i = (size_t)place;

	if (part == 0 || r->entries[i].cost == r->entries[i + 1].cost)
		return r->entries[i].cost; /* of two infinite ones as well */
	return r->entries[i].cost + part * (r->entries[i + 1].cost - r->entries[i].cost);
}

size_t rungs_memory(const struct stop_rungs *r)
{
	size_t n = n_rungs(r) * sizeof(*r->rungs);

	for (size_t i = 0; i < n_rungs(r); i++)
		n += r->rungs[i].capacity * sizeof(*r->rungs[i].entries);
	return n;
}
