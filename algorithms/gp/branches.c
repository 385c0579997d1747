/* Turns for the branches of a conditional space, and for categories. */
#include "algorithms/gp/branches.h"

#include <stdbool.h>

enum { BRANCHES_MAX = 16 };

static bool has_branches(const struct embed *e, uint32_t column, bool together)
{
	const struct embed_column *c = &e->columns[column];

	return c->levels <= BRANCHES_MAX && !space_is_conditional(e->space, c->param) &&
	       (space_is_parent(e->space, c->param) || (together && c->category));
}

static uint32_t count(const double *rows, uint32_t n, uint32_t columns, uint32_t column, double place)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < n; i++)
		found += rows[(size_t)i * columns + column] == place;
	return found;
}

struct branch branch_least_tried(const struct embed *e, uint32_t turn, const double *rows, uint32_t n,
	const double *pending, uint32_t n_pending)
{
	struct branch least = {.param = EMBED_NONE};
	uint32_t parents = 0, column = 0, tries = UINT32_MAX;
	bool together = n_pending > 0;

	for (uint32_t c = 0; c < e->n_own; c++)
		parents += has_branches(e, c, together);
	if (parents == 0)
		return least;
	for (turn %= parents; !has_branches(e, column, together) || turn-- > 0;)
		column++;
	least.param = e->columns[column].param;
	for (uint64_t k = 0; k < e->columns[column].levels; k++) {
		double value = space_level_value(e->space, least.param, k), place = embed_place(e, column, value);
		uint32_t found = count(rows, n, e->n_columns, column, place) +
		                 count(pending, n_pending, e->n_columns, column, place);

		if (found >= tries)
			continue;
		tries = found;
		least.value = value;
	}
	return least;
}
