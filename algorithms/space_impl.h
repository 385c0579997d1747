/* The inside of a space; only space*.c include this. Immutable once space_build() has returned it. */
#pragma once
#include <stdatomic.h>

#include "algorithms/space.h"

/* One condition of `child`: its parent's level must be in `levels` (ascending, distinct). */
struct space_condition {
	uint32_t child, parent;
	uint64_t *levels;
	uint32_t n_levels;
};

struct space_axis {
	struct space_param param;       /* defaults filled in; values owned                        */
	uint64_t levels;                /* SPACE_INFINITE: continuous                              */
	double last;                    /* the highest value                                       */
	/* Grid in decimals: value(k) = (origin + k * stride) / scale, exact integers; scale 0: none. */
	double origin, stride, scale;
	/* The range with half a step beyond both ends, on the scale of the distribution. */
	double lo, hi;
	double p_lo, p_mass;            /* normal: probability below lo, and between lo and hi     */
	bool normal, flip;              /* flip: work in the lower tail, where digits are          */
	uint32_t *index_of_rank, *rank_of_index;        /* discrete                                */
	uint32_t first_condition, n_conditions;
};

/*
 * A finite space as a tree of counts. A forest is a list of independent nodes, whose numbers
 * multiply. A node is an active parameter; its levels fall into classes that switch the same
 * descendants on, and each class has the forest of what is undecided below it.
 */
struct space_class {
	uint32_t first_listed, n_listed;        /* in tree.listed, ascending                       */
	bool others;                            /* it holds all levels except the listed ones      */
	uint64_t n_levels;
	uint64_t below;                         /* configurations of the forest below, >= 1        */
	uint32_t first_kid, n_kids;             /* in tree.kids: node numbers                      */
};
struct space_node {
	uint32_t param;
	uint32_t first_class, n_classes;
	uint64_t count;
};
struct space_tree {
	struct space_node *nodes;
	struct space_class *classes;
	uint64_t *listed;
	uint32_t *kids;
	size_t n_nodes, n_classes, n_listed, n_kids;
	size_t cap_nodes, cap_classes, cap_listed, cap_kids;
	uint32_t first_root, n_roots;           /* in kids                                         */
};

struct space {
	atomic_uint refs;
	uint32_t d;
	struct space_axis *axes;
	struct space_condition *conditions;     /* grouped by child                                */
	uint32_t n_conditions;
	uint32_t *order;
	uint64_t cardinality;
	struct space_tree tree;                 /* empty if the cardinality is infinite            */
};

bool space_condition_holds(const struct space_condition *c, uint64_t parent_level);
/* Fills the ranges and grids of an axis whose param was checked. */
enum space_fault space_axis_init(struct space_axis *a);
double space_axis_value(const struct space_axis *a, uint64_t level);
uint64_t space_axis_nearest(const struct space_axis *a, double value);
/* Sets cardinality and tree. False: no memory. */
bool space_count(struct space *s);
void space_free(struct space *s);
