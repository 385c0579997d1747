/* The rows that a model is given: merged where equal, stored by columns, in memory that grows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/gp/model_impl.h"

enum { VECTORS = 6, ROOM = 8 };

/* Cuts a block for `capacity` places; returns the number of doubles it needs. */
static size_t lay_out(struct gp *g, double *block, size_t capacity)
{
	double **const arrays[VECTORS] = {&g->noise_scale, &g->target, &g->whitened_target,
		&g->whitened_one, &g->beta, &g->scratch};
	size_t used = 0, columns = (size_t)g->d * capacity;

	if (!block)
		return 2 * columns + VECTORS * capacity + capacity * capacity;
	g->block = g->x = block;
	g->scaled = g->x + columns;
	used = 2 * columns;
	for (int i = 0; i < VECTORS; i++, used += capacity)
		*arrays[i] = block + used;
	g->factor = block + used;
	g->capacity = (uint32_t)capacity;
	return used + capacity * capacity;
}

void gp_move_contents(struct gp *to, const struct gp *from)
{
	const double *const old[VECTORS] = {from->noise_scale, from->target, from->whitened_target,
		from->whitened_one, from->beta, from->scratch};
	double *const new[VECTORS] = {to->noise_scale, to->target, to->whitened_target, to->whitened_one,
		to->beta, to->scratch};
	uint32_t n = from->places + from->pending;
	size_t size = n * sizeof(double);

	if (n == 0)
		return;
	for (size_t j = 0; j < from->d; j++) {
		memcpy(to->x + j * to->capacity, from->x + j * from->capacity, size);
		memcpy(to->scaled + j * to->capacity, from->scaled + j * from->capacity, size);
	}
	for (int i = 0; i < VECTORS; i++)
		memcpy(new[i], old[i], size);
	for (size_t i = 0; i < n; i++)
		memcpy(to->factor + i * to->capacity, from->factor + i * from->capacity,
			(i + 1) * sizeof(double));
}

static bool reserve_places(struct gp *g, uint32_t places)
{
	struct gp old = *g;
	size_t capacity = places + places / 8 + ROOM;
	double *block;

	if (places <= g->capacity)
		return true;
	if (places > GP_PLACES_MAX)
		return false;
	capacity = (capacity + 7) / 8 * 8;
	block = calloc(lay_out(g, NULL, capacity), sizeof(double));
	if (!block)
		return false;
	lay_out(g, block, capacity);
	gp_move_contents(g, &old);
	free(old.block);
	return true;
}

static bool reserve_rows(struct gp *g, uint32_t rows)
{
	uint32_t capacity = rows + rows / 8 + ROOM;
	uint32_t *place;
	double *weight;

	if (rows <= g->row_capacity)
		return true;
	if (!(place = realloc(g->place, capacity * sizeof(*place))))
		return false;
	g->place = place;
	if (!(weight = realloc(g->row_weight, capacity * sizeof(*weight))))
		return false;
	g->row_weight = weight;
	g->row_capacity = capacity;
	return true;
}

bool gp_reserve(struct gp *g, uint32_t places, uint32_t rows)
{
	return reserve_places(g, places) && reserve_rows(g, rows);
}

static uint64_t hash_row(const double *x, uint32_t d)
{
	uint64_t h = d, bits;

	for (uint32_t j = 0; j < d; j++) {
		double v = x[j] + 0.0; /* -0 is 0 */

		memcpy(&bits, &v, sizeof(bits));
		h = rng_mix(h, bits);
	}
	return h;
}

static bool equal_rows(const double *a, const double *b, uint32_t d)
{
	for (uint32_t j = 0; j < d; j++)
		if (a[j] != b[j])
			return false;
	return true;
}

/* Fills place[n]; returns the number of places, numbered as they first appear, or -1: no memory. */
static int64_t find_places(const struct gp_data *data, uint32_t d, uint32_t *place)
{
	size_t slots = 16, slot;
	uint32_t *first, places = 0; /* first[slot]: 1 + the row that claimed it */

	while (slots < 2 * (size_t)data->n)
		slots *= 2;
	if (!(first = calloc(slots, sizeof(*first))))
		return -1;
	for (uint32_t i = 0; i < data->n; i++) {
		const double *x = data->x + (size_t)i * d;

		for (slot = hash_row(x, d) & (slots - 1); first[slot]; slot = (slot + 1) & (slots - 1))
			if (equal_rows(data->x + (size_t)(first[slot] - 1) * d, x, d))
				break;
		place[i] = first[slot] ? place[first[slot] - 1] : places++;
		if (!first[slot])
			first[slot] = i + 1;
	}
	free(first);
	return places;
}

/* From rows to places: noise, and what the likelihood needs of those that were merged. */
static void weigh(struct gp *g)
{
	g->log_weights = 0;
	memset(g->noise_scale, 0, g->places * sizeof(double));
	for (uint32_t i = 0; i < g->rows; i++) {
		g->noise_scale[g->place[i]] += g->row_weight[i];
		g->log_weights += log(g->row_weight[i]);
	}
	for (uint32_t k = 0; k < g->places; k++) {
		g->log_weights -= log(g->noise_scale[k]);
		g->noise_scale[k] = 1 / g->noise_scale[k];
	}
}

void gp_take_targets(struct gp *g, const double *y)
{
	memset(g->target, 0, g->places * sizeof(double));
	for (uint32_t i = 0; i < g->rows; i++)
		g->target[g->place[i]] += g->row_weight[i] * g->noise_scale[g->place[i]] * y[i];
	g->within = 0;
	for (uint32_t i = 0; i < g->rows && g->rows > g->places; i++) {
		double apart = y[i] - g->target[g->place[i]];

		g->within += g->row_weight[i] * apart * apart;
	}
}

enum algo_outcome gp_take(struct gp *g, const struct gp_data *data)
{
	int64_t places;

	g->rows = g->places = g->pending = 0;
	g->samples = 1;
	if (!reserve_rows(g, data->n))
		return ALGO_NO_MEMORY;
	places = find_places(data, g->d, g->place);
	if (places < 0 || places > GP_PLACES_MAX || !reserve_places(g, (uint32_t)places))
		return ALGO_NO_MEMORY;
	g->rows = data->n;
	g->places = (uint32_t)places;
	for (uint32_t i = 0; i < data->n; i++) {
		g->row_weight[i] = data->noise ? 1 / data->noise[i] : 1;
		for (size_t j = 0; j < g->d; j++)
			g->x[j * g->capacity + g->place[i]] = data->x[(size_t)i * g->d + j];
	}
	weigh(g);
	gp_take_targets(g, data->y);
	return ALGO_OK;
}
