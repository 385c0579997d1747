/*
 * Counting and numbering the configurations of a finite space, conditions included.
 *
 * Undecided parameters that are linked by conditions form a component; components are independent,
 * so their counts multiply. In a component the first parameter (its parents are all decided) is
 * branched on: its levels fall into classes that switch the same conditions, and what remains is
 * split again for each class. For a tree of conditions this is linear in its size; for a knotted
 * one it is cut off after WORK_MAX steps and the space counts as infinite.
 */
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/grow.h"
#include "algorithms/space_impl.h"

enum { WORK_MAX = 4000000 };

enum decision { OPEN = 0, INACTIVE, DECIDED };
enum verdict { COUNTED, NO_MEMORY, TOO_MUCH };

struct counter {
	const struct space *s;
	struct space_tree *t;
	uint8_t *decision; /* per parameter: enum decision           */
	uint64_t *level;   /* of the decided ones: any of its class  */
	uint32_t *group;   /* scratch of split(): union-find         */
	uint64_t work;
};

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? SPACE_INFINITE : product;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? SPACE_INFINITE : sum;
}

/* ---- building ---------------------------------------------------------------------------------- */

static uint32_t root_of(uint32_t *group, uint32_t j)
{
	while (group[j] != j)
		j = group[j] = group[group[j]];
	return j;
}

static bool must_be_off(const struct counter *c, uint32_t j)
{
	const struct space_axis *a = &c->s->axes[j];

	for (uint32_t i = 0; i < a->n_conditions; i++) {
		const struct space_condition *k = &c->s->conditions[a->first_condition + i];

		if (c->decision[k->parent] == INACTIVE)
			return true;
		if (c->decision[k->parent] == DECIDED && !space_condition_holds(k, c->level[k->parent]))
			return true;
	}
	return false;
}

/*
 * Drops from `set` (in topological order) what the decisions switch off and joins what still hangs
 * together. Returns how many stay; `group` of each is the component's smallest index.
 */
static uint32_t settle(struct counter *c, uint32_t *set, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = set[i];

		if (must_be_off(c, j)) {
			c->decision[j] = INACTIVE;
			continue;
		}
		c->group[j] = j;
		set[kept++] = j;
	}
	for (uint32_t i = 0; i < kept; i++) {
		const struct space_axis *a = &c->s->axes[set[i]];

		for (uint32_t k = 0; k < a->n_conditions; k++) {
			uint32_t parent = c->s->conditions[a->first_condition + k].parent;
			uint32_t x, y;

			if (c->decision[parent] != OPEN)
				continue;
			x = root_of(c->group, set[i]);
			y = root_of(c->group, parent);
			c->group[x > y ? x : y] = x > y ? y : x;
		}
		c->work += 1 + a->n_conditions;
	}
	for (uint32_t i = 0; i < kept; i++)
		c->group[set[i]] = root_of(c->group, set[i]);
	return kept;
}

/* The levels of `j` that the conditions of the open parameters in set[] name, ascending, distinct. */
static enum verdict list_levels(
	struct counter *c, uint32_t j, const uint32_t *set, uint32_t n, uint64_t **list, uint32_t *n_list)
{
	size_t capacity = 0, m = 0;

	*list = NULL;
	for (uint32_t i = 0; i < n; i++) {
		const struct space_axis *a = &c->s->axes[set[i]];

		for (uint32_t k = 0; k < a->n_conditions; k++) {
			const struct space_condition *d = &c->s->conditions[a->first_condition + k];

			if (d->parent != j)
				continue;
			for (uint32_t l = 0; l < d->n_levels; l++) {
				size_t at = m;

				while (at > 0 && (*list)[at - 1] > d->levels[l])
					at--;
				c->work += m - at + 1;
				if (at > 0 && (*list)[at - 1] == d->levels[l])
					continue;
				if (c->work > WORK_MAX)
					return TOO_MUCH;
				if (!grow(list, &capacity, m + 1, sizeof(**list)))
					return NO_MEMORY;
				memmove(*list + at + 1, *list + at, (m - at) * sizeof(**list));
				(*list)[at] = d->levels[l];
				m++;
			}
		}
	}
	*n_list = (uint32_t)m;
	return COUNTED;
}

static bool same_effect(
	struct counter *c, uint32_t j, uint64_t a, uint64_t b, const uint32_t *set, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct space_axis *x = &c->s->axes[set[i]];

		for (uint32_t k = 0; k < x->n_conditions; k++) {
			const struct space_condition *d = &c->s->conditions[x->first_condition + k];

			c->work++;
			if (d->parent == j && space_condition_holds(d, a) != space_condition_holds(d, b))
				return false;
		}
	}
	return true;
}

static enum verdict split(struct counter *c, const uint32_t *set, uint32_t n, uint32_t *first_kid,
	uint32_t *n_kids, uint64_t *count);

static enum verdict add_listed(struct counter *c, uint64_t level)
{
	struct space_tree *t = c->t;

	if (!grow(&t->listed, &t->cap_listed, t->n_listed + 1, sizeof(*t->listed)))
		return NO_MEMORY;
	t->listed[t->n_listed++] = level;
	return COUNTED;
}

/* Appends one class for the levels list[from] that have the same effect, marking them as taken. */
static enum verdict class_of(struct counter *c, uint32_t j, uint64_t *list, uint32_t n_list, uint32_t from,
	bool *taken, const uint32_t *set, uint32_t n, struct space_class *k)
{
	*k = (struct space_class){.first_listed = (uint32_t)c->t->n_listed};
	for (uint32_t i = from; i < n_list; i++) {
		c->work++;
		if (taken[i] || (i > from && !same_effect(c, j, list[from], list[i], set, n)))
			continue;
		taken[i] = true;
		if (add_listed(c, list[i]) != COUNTED)
			return NO_MEMORY;
		k->n_listed++;
	}
	k->n_levels = k->n_listed;
	return COUNTED;
}

static enum verdict class_of_others(
	struct counter *c, uint32_t j, const uint64_t *list, uint32_t n_list, struct space_class *k)
{
	*k = (struct space_class){.first_listed = (uint32_t)c->t->n_listed, .n_listed = n_list, .others = true};
	for (uint32_t i = 0; i < n_list; i++)
		if (add_listed(c, list[i]) != COUNTED)
			return NO_MEMORY;
	k->n_levels = c->s->axes[j].levels - n_list;
	return COUNTED;
}

/* The kth of the levels in a class, ascending. */
static uint64_t class_level(const struct space_tree *t, const struct space_class *k, uint64_t at)
{
	const uint64_t *listed = t->listed + k->first_listed;

	if (!k->others)
		return listed[at];
	for (uint32_t i = 0; i < k->n_listed && listed[i] <= at; i++)
		at++;
	return at;
}

/* Which class a level belongs to is asked in turn; the position within it if it does. */
static bool class_position(
	const struct space_tree *t, const struct space_class *k, uint64_t level, uint64_t *at)
{
	const uint64_t *listed = t->listed + k->first_listed;
	uint32_t below = 0;

	while (below < k->n_listed && listed[below] < level)
		below++;
	*at = k->others ? level - below : below;
	return (below < k->n_listed && listed[below] == level) != k->others;
}

static enum verdict branch(
	struct counter *c, uint32_t j, struct space_class *k, const uint32_t *rest, uint32_t n_rest)
{
	enum verdict v;

	c->decision[j] = DECIDED;
	c->level[j] = class_level(c->t, k, 0);
	v = split(c, rest, n_rest, &k->first_kid, &k->n_kids, &k->below);
	for (uint32_t i = 0; i < n_rest; i++)
		c->decision[rest[i]] = OPEN;
	c->decision[j] = OPEN;
	return v;
}

/* set[0] is branched on, the rest of the component hangs below its classes. */
static enum verdict make_node(struct counter *c, const uint32_t *set, uint32_t n, uint32_t *number)
{
	struct space_tree *t = c->t;
	uint32_t j = set[0], n_list = 0, n_classes = 0, first;
	uint64_t *list = NULL, count = 0;
	struct space_class *classes = NULL;
	bool *taken = NULL;
	enum verdict v = list_levels(c, j, set + 1, n - 1, &list, &n_list);

	if (v != COUNTED)
		goto out;
	v = NO_MEMORY;
	classes = calloc(n_list + 1, sizeof(*classes));
	taken = calloc(n_list + 1, sizeof(*taken));
	if (!classes || !taken)
		goto out;
	v = COUNTED;
	for (uint32_t i = 0; i < n_list && v == COUNTED; i++)
		if (!taken[i])
			v = c->work > WORK_MAX
					? TOO_MUCH
					: class_of(c, j, list, n_list, i, taken, set + 1, n - 1, &classes[n_classes++]);
	if (v == COUNTED && n_list < c->s->axes[j].levels)
		v = class_of_others(c, j, list, n_list, &classes[n_classes++]);
	for (uint32_t i = 0; i < n_classes && v == COUNTED; i++) {
		v = branch(c, j, &classes[i], set + 1, n - 1);
		count = plus(count, times(classes[i].n_levels, classes[i].below));
	}
	if (v != COUNTED)
		goto out;
	first = (uint32_t)t->n_classes;
	if (!grow(&t->classes, &t->cap_classes, t->n_classes + n_classes, sizeof(*classes)) ||
		!grow(&t->nodes, &t->cap_nodes, t->n_nodes + 1, sizeof(*t->nodes))) {
		v = NO_MEMORY;
		goto out;
	}
	memcpy(t->classes + first, classes, n_classes * sizeof(*classes));
	t->n_classes += n_classes;
	*number = (uint32_t)t->n_nodes;
	t->nodes[t->n_nodes++] =
		(struct space_node){.param = j, .first_class = first, .n_classes = n_classes, .count = count};
out:
	free(list);
	free(classes);
	free(taken);
	return v;
}

/* Makes the forest of the open parameters in set[] (topological order); its count, 1 if it is empty. */
static enum verdict split(struct counter *c, const uint32_t *set, uint32_t n, uint32_t *first_kid,
	uint32_t *n_kids, uint64_t *count)
{
	struct space_tree *t = c->t;
	enum verdict v = NO_MEMORY;
	uint32_t *mine = malloc((n + 1) * sizeof(*mine)), *component = malloc((n + 1) * sizeof(*component));
	uint32_t *kids = malloc((n + 1) * sizeof(*kids)), *groups = malloc((n + 1) * sizeof(*groups));

	*n_kids = 0;
	*count = 1;
	if (!mine || !component || !kids || !groups)
		goto out;
	if (n > 0)
		memcpy(mine, set, n * sizeof(*mine));
	c->work += n;
	n = settle(c, mine, n);
	for (uint32_t i = 0; i < n; i++)
		groups[i] = c->group[mine[i]];
	v = c->work > WORK_MAX ? TOO_MUCH : COUNTED;
	for (uint32_t i = 0; i < n && v == COUNTED; i++) {
		uint32_t m = 0, same = groups[i];

		if (same == UINT32_MAX)
			continue; /* went with an earlier one */
		for (uint32_t k = i; k < n; k++) {
			if (groups[k] == same) {
				component[m++] = mine[k];
				groups[k] = UINT32_MAX;
			}
		}
		v = make_node(c, component, m, &kids[*n_kids]);
		if (v == COUNTED)
			*count = times(*count, t->nodes[kids[(*n_kids)++]].count);
	}
	if (v == COUNTED && !grow(&t->kids, &t->cap_kids, t->n_kids + *n_kids + 1, sizeof(*t->kids)))
		v = NO_MEMORY;
	if (v == COUNTED) {
		*first_kid = (uint32_t)t->n_kids;
		memcpy(t->kids + t->n_kids, kids, *n_kids * sizeof(*kids));
		t->n_kids += *n_kids;
	}
out:
	free(mine);
	free(component);
	free(kids);
	free(groups);
	return v;
}

static bool continuous(const struct space *s)
{
	for (uint32_t j = 0; j < s->d; j++)
		if (s->axes[j].levels == SPACE_INFINITE)
			return true;
	return false;
}

bool space_count(struct space *s)
{
	struct counter c = {.s = s, .t = &s->tree};
	enum verdict v = NO_MEMORY;

	s->cardinality = SPACE_INFINITE;
	if (continuous(s))
		return true;
	c.decision = calloc(s->d, sizeof(*c.decision));
	c.level = calloc(s->d, sizeof(*c.level));
	c.group = calloc(s->d, sizeof(*c.group));
	if (c.decision && c.level && c.group && grow(&c.t->listed, &c.t->cap_listed, 1, sizeof(*c.t->listed)))
		v = split(&c, s->order, s->d, &s->tree.first_root, &s->tree.n_roots, &s->cardinality);
	if (v == TOO_MUCH)
		s->cardinality = SPACE_INFINITE;
	free(c.decision);
	free(c.level);
	free(c.group);
	return v != NO_MEMORY;
}

/* ---- numbering --------------------------------------------------------------------------------- */

static void forest_config(const struct space *s, uint32_t first, uint32_t n, uint64_t index, double *x);

static void node_config(const struct space *s, const struct space_node *node, uint64_t index, double *x)
{
	const struct space_class *k = s->tree.classes + node->first_class;

	while (index >= k->n_levels * k->below) {
		index -= k->n_levels * k->below;
		k++;
	}
	x[node->param] = space_axis_value(&s->axes[node->param], class_level(&s->tree, k, index / k->below));
	forest_config(s, k->first_kid, k->n_kids, index % k->below, x);
}

/* The last component turns fastest. */
static void forest_config(const struct space *s, uint32_t first, uint32_t n, uint64_t index, double *x)
{
	for (uint32_t i = n; i-- > 0;) {
		const struct space_node *node = &s->tree.nodes[s->tree.kids[first + i]];

		node_config(s, node, index % node->count, x);
		index /= node->count;
	}
}

void space_config(const struct space *s, uint64_t index, double *x)
{
	ALGO_ASSERT(s->cardinality != SPACE_INFINITE && index < s->cardinality);
	for (uint32_t j = 0; j < s->d; j++)
		x[j] = __builtin_nan("");
	forest_config(s, s->tree.first_root, s->tree.n_roots, index, x);
}

static uint64_t forest_index(const struct space *s, uint32_t first, uint32_t n, const double *x);

static uint64_t node_index(const struct space *s, const struct space_node *node, const double *x)
{
	uint64_t level = space_axis_nearest(&s->axes[node->param], x[node->param]), before = 0, at;

	for (uint32_t i = 0; i < node->n_classes; i++) {
		const struct space_class *k = &s->tree.classes[node->first_class + i];

		if (class_position(&s->tree, k, level, &at))
			return before + at * k->below + forest_index(s, k->first_kid, k->n_kids, x);
		before += k->n_levels * k->below;
	}
	ALGO_ASSERT(!"a level outside of every class");
	return 0;
}

static uint64_t forest_index(const struct space *s, uint32_t first, uint32_t n, const double *x)
{
	uint64_t index = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct space_node *node = &s->tree.nodes[s->tree.kids[first + i]];

		index = index * node->count + node_index(s, node, x);
	}
	return index;
}

uint64_t space_index(const struct space *s, const double *x)
{
	ALGO_ASSERT(s->cardinality != SPACE_INFINITE && space_valid(s, x, NULL));
	return forest_index(s, s->tree.first_root, s->tree.n_roots, x);
}
