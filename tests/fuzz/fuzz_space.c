/* Any search space: it is refused with a reason, or holds its laws. The input: space_input.h. */
#include "tests/fuzz/space_input.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	struct space *s = read_space(&in);

	if (!s)
		return 0;
	check_laws(s, &in);
	space_unref(s);
	return 0;
}
