/*
 * The compiled search space: what the parameters are, which values they take, when they are active.
 *
 * A configuration is `double x[d]` in natural values, in the order in which the parameters were
 * added: double and int as themselves, discrete and categorical as the 0-based index into their
 * list, NaN where the parameter is inactive because its condition does not hold.
 *
 * Values on a grid are exactly min + k * step, computed as decimals where min and step are decimals
 * of moderate length: 0.1 to 0.7 in steps of 0.2 gives 0.1, 0.3, 0.5, 0.7 and each is the double that
 * a reader gets from these texts. The upper bound is inclusive; a step that does not divide the
 * range ends below it.
 *
 * The unit cube is the prior: if u is uniform on [0, 1)^d, space_decode() draws from the declared
 * distributions. Grid values own equal shares of the range (half a step beyond both bounds),
 * discrete values by rank and categorical ones by index. Inactive parameters encode as 0.5.
 *
 * Ownership: a builder collects, space_build() consumes it and returns a space that never changes
 * again, with one reference. Any number of threads may read one space; space_ref() and
 * space_unref() are atomic, the last one frees. A builder belongs to one thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum space_kind { SPACE_DOUBLE = 0, SPACE_INT, SPACE_DISCRETE, SPACE_CATEGORICAL };

/* Only doubles and ints have one; all are truncated to [min, max]. */
enum space_distribution {
	SPACE_UNIFORM = 0,
	SPACE_LOG_UNIFORM,
	SPACE_NORMAL,
	SPACE_LOG_NORMAL,
};

struct space_param {
	enum space_kind kind;
	enum space_distribution distribution;
	double min, max;            /* double, int: inclusive                                      */
	double step;                /* 0: a continuous double; ints: 0 means 1                     */
	double mean, sd;            /* normal ones: sd 0 means the middle and a sixth of the range;
								 * of ln(value) for log-normal                                 */
	const double *values;       /* discrete: distinct finite numbers in the user's order       */
	uint32_t n_values;          /* discrete, categorical                                       */
};

enum { SPACE_PARAMS_MAX = 1024, SPACE_VALUES_MAX = 65536 };

/* Why a space cannot be built. `param` is the offender; `other` the parent where there is one. */
enum space_fault {
	SPACE_OK = 0,
	SPACE_NO_MEMORY,
	SPACE_NO_PARAMS,
	SPACE_TOO_MANY,             /* parameters or values                                        */
	SPACE_BAD_BOUNDS,           /* not finite, min above max, an int bound with a fraction     */
	SPACE_BAD_STEP,             /* negative, not finite, with a fraction for an int, too fine  */
	SPACE_BAD_LOG,              /* a log scale needs min > 0                                   */
	SPACE_BAD_NORMAL,           /* sd not positive, or the bounds hold none of it              */
	SPACE_BAD_VALUES,           /* an empty list, a value that is not finite or comes twice    */
	SPACE_BAD_PARENT,           /* no such parameter, itself, or a continuous one              */
	SPACE_BAD_CONDITION,        /* the parent never takes one of the listed values             */
	SPACE_CYCLE,                /* the parameter's condition depends on itself                 */
};
struct space_problem {
	enum space_fault fault;
	uint32_t param, other;
};

struct space;
struct space_builder;

/* Building. Everything is copied; a failure of memory is remembered and told by space_build(). */
struct space_builder *space_builder_new(void);          /* NULL: no memory                     */
void space_builder_free(struct space_builder *b);       /* without building                    */
uint32_t space_add(struct space_builder *b, const struct space_param *p);      /* its index    */
/* `child` is active only if `parent` is active and has one of the values (natural: an index for
 * lists). Several calls for one child must all hold. The parent may be added later. */
void space_when(struct space_builder *b, uint32_t child, uint32_t parent, const double *values,
	uint32_t n_values);
/* Consumes the builder. NULL if anything is wrong: up to `max` problems are written to `problems`
 * and counted in *n_problems (at least 1, at most max; max >= 1). */
struct space *space_build(struct space_builder *b_take, struct space_problem *problems, size_t max,
	size_t *n_problems);
/* A finite copy of s: every continuous parameter becomes a categorical one with `points` values.
 * NULL: no memory. */
struct space *space_countable(const struct space *s, uint32_t points);
/* A copy of s in which parameter j only takes `value`, one of its own. Its condition must not depend on
 * others nor others' on it. NULL: no memory. */
struct space *space_fixed(const struct space *s, uint32_t j, double value);
const char *space_fault_text(enum space_fault f);       /* "a log scale needs min above 0"     */

struct space *space_ref(struct space *s);               /* returns s                           */
void space_unref(struct space *s);                      /* NULL is allowed                     */

/* Looking. */
uint32_t space_dim(const struct space *s);
const struct space_param *space_at(const struct space *s, uint32_t j);  /* with defaults filled */
/* Parents before children, otherwise in the order of the indices; d entries. */
const uint32_t *space_order(const struct space *s);
bool space_has_conditions(const struct space *s);
bool space_is_conditional(const struct space *s, uint32_t j);
bool space_is_parent(const struct space *s, uint32_t j);       /* others' conditions ask for it */
/* Number of values of parameter j; SPACE_INFINITE if it is continuous. */
uint64_t space_levels(const struct space *s, uint32_t j);
/* Value of level k in ascending order (discrete, categorical: the index with that rank). */
double space_level_value(const struct space *s, uint32_t j, uint64_t k);
/* Level of an exact value, or SPACE_INFINITE if j never takes it. */
uint64_t space_value_level(const struct space *s, uint32_t j, double value);

/* Configurations. */
/* Does j's condition hold in x? Looks only at x[parents], which must be settled (NaN = inactive). */
bool space_is_active(const struct space *s, uint32_t j, const double *x);
/* x is exactly a configuration: active values on their grid and in bounds, the others NaN. If not,
 * *offender (may be NULL) is the first wrong parameter. */
bool space_valid(const struct space *s, const double *x, uint32_t *offender);
/* Makes any vector a valid configuration: clamps, snaps to the nearest grid value, clears what is
 * inactive and gives an active parameter that is NaN its middle value. */
void space_snap(const struct space *s, double *x);
bool space_equal(const struct space *s, const double *a, const double *b);
uint64_t space_hash(const struct space *s, const double *x);    /* equal -> equal; -0 is 0     */

/* The unit cube, top down: what is inactive becomes NaN, and 0.5 on the way back. */
void space_decode(const struct space *s, const double *u, double *x);
void space_encode(const struct space *s, const double *x, double *u);
double space_decode_one(const struct space *s, uint32_t j, double u);   /* condition ignored   */
double space_encode_one(const struct space *s, uint32_t j, double value);

/* Finite spaces: the number of distinct configurations, conditions taken into account, and a
 * numbering 0 .. cardinality-1 of them. SPACE_INFINITE: a continuous parameter, or too many. */
#define SPACE_INFINITE UINT64_MAX
uint64_t space_cardinality(const struct space *s);
void space_config(const struct space *s, uint64_t index, double *x);   /* finite spaces only   */
uint64_t space_index(const struct space *s, const double *x);          /* of a valid x         */
