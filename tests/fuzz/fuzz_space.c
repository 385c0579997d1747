/*
 * Any search space and any history into every algorithm: a space is refused or holds its laws, and
 * what is suggested is a configuration of it.
 *
 * Input: parameters (first byte counts them), conditions, then trials until it ends. A double is its
 * eight bytes or, after a byte below 16, one of those that break things.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/registry.h"

enum { PARAMS = 6, TRIALS = 12, WANTED = 3 };

struct input {
	const uint8_t *p, *end;
};

static uint8_t byte(struct input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

static double number(struct input *in)
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

static void check(bool ok)
{
	if (!ok)
		abort();
}

static struct space *read_space(struct input *in)
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

static void check_laws(const struct space *s, struct input *in)
{
	double u[PARAMS], x[PARAMS], back[PARAMS];

	for (uint32_t j = 0; j < space_dim(s); j++)
		u[j] = number(in);
	space_decode(s, u, x);
	check(space_valid(s, x, NULL));
	space_encode(s, x, back);
	for (uint32_t j = 0; j < space_dim(s); j++)
		check(back[j] >= 0 && back[j] <= 1);
	space_snap(s, u);
	check(space_valid(s, u, NULL));
	if (space_cardinality(s) != SPACE_INFINITE) {
		check(space_index(s, x) < space_cardinality(s));
		space_config(s, space_index(s, x), u);
		check(space_equal(s, u, x) && space_hash(s, u) == space_hash(s, x));
	}
}

static uint32_t read_trials(
	const struct space *s, struct input *in, struct algo_trial *trials, double (*x)[PARAMS], double *values)
{
	uint32_t n = 0;

	while (in->p < in->end && n < TRIALS) {
		for (uint32_t j = 0; j < space_dim(s); j++)
			x[n][j] = number(in);
		space_snap(s, x[n]);
		values[n] = number(in);
		trials[n] = (struct algo_trial){.number = n + 1,
			.status = (enum algo_status)(1 + byte(in) % 4),
			.x = x[n],
			.values = &values[n],
			.duration = NAN,
			.resource = NAN};
		n++;
	}
	return n;
}

static void ask(const struct algorithm *a, const struct space *s, const struct algo_history *h)
{
	struct algo_value settings[32];
	struct algo_objective objective = {.goal = NAN};
	double x[WANTED][PARAMS];
	struct algo_suggestion out[WANTED] = {{.x = x[0]}, {.x = x[1]}, {.x = x[2]}};
	struct algo_request r = {.first_number = h->n_trials + 1, .n = WANTED, .out = out};
	struct algo_problem p = {.space = s,
		.objectives = &objective,
		.n_objectives = 1,
		.settings = settings,
		.seed = h->n_trials,
		.parallel = 1};
	enum algo_outcome outcome;

	check(a->n_settings <= 32);
	algo_settings_init(a, settings);
	outcome = a->suggest(&p, h, &r);
	check(outcome > 0 || (outcome == ALGO_UNSUPPORTED && r.n_out == 0));
	check(r.n_out == WANTED || outcome != ALGO_OK);
	for (uint32_t i = 0; i < r.n_out; i++)
		check(space_valid(s, out[i].x, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	struct algo_trial trials[TRIALS];
	double x[TRIALS][PARAMS], values[TRIALS];
	struct algo_history h = {.trials = trials};
	struct space *s = read_space(&in);

	if (!s)
		return 0;
	check_laws(s, &in);
	h.n_trials = read_trials(s, &in, trials, x, values);
	for (size_t i = 0; i < n_algorithms; i++)
		ask(algorithms[i], s, &h);
	space_unref(s);
	return 0;
}
