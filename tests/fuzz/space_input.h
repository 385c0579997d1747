/*
 * Bytes to numbers and search spaces, for the fuzzers of the algorithms.
 *
 * A space: parameters (the first byte counts them), then conditions. A double is its eight bytes or,
 * after a byte below 16, one of those that break things. At the end of the input all is 0.
 */
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/space.h"

enum { PARAMS = 6 };

struct input {
	const uint8_t *p, *end;
};

static inline uint8_t byte(struct input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

static inline double number(struct input *in)
{
	static const double special[16] = {0, 1, -1, 0.1, 0.5, 10, NAN, HUGE_VAL, -HUGE_VAL, 1e308, -1e308,
		5e-324, 1e-300, 0x1p52, 0x1p53, 1.0 / 3};
	uint8_t kind = byte(in);
	double v = (int8_t)byte(in);

	if (kind < 16)
		return special[kind];
	if (kind < 128)
		return v / 16;
	if (in->end - in->p >= 8) {
		memcpy(&v, in->p, 8);
		in->p += 8;
	}
	return v;
}

static inline void check(bool ok)
{
	if (!ok)
		abort();
}

static inline struct space *read_space(struct input *in)
{
	struct space_builder *b = space_builder_new();
	struct space_problem problems[4];
	size_t n_problems;
	unsigned n = byte(in) % (PARAMS + 1);
	struct space *s;

	for (unsigned j = 0; j < n; j++) {
		double values[8];
		uint8_t shape = byte(in);
		struct space_param p = {.kind = (enum space_kind)(shape & 3),
			.distribution = (enum space_distribution)(shape >> 2 & 3),
			.min = number(in),
			.max = number(in),
			.step = shape & 16 ? number(in) : 0,
			.mean = shape & 32 ? number(in) : 0,
			.sd = shape & 32 ? number(in) : 0,
			.values = values,
			.n_values = shape >> 5};

		for (unsigned k = 0; k < p.n_values && p.kind == SPACE_DISCRETE; k++)
			values[k] = number(in);
		space_add(b, &p);
	}
	for (unsigned k = byte(in) % 8; k > 0; k--) {
		uint8_t pair = byte(in);
		double values[2] = {number(in), number(in)};

		space_when(b, pair & 7, pair >> 3 & 7, values, (pair >> 6) % 3);
	}
	s = space_build(b, problems, 4, &n_problems);
	check((s == NULL) == (n_problems > 0));
	for (size_t i = 0; i < n_problems; i++)
		check(strlen(space_fault_text(problems[i].fault)) > 0 && problems[i].fault != SPACE_OK);
	return s;
}
