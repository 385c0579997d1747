/* The declarative decoder, by a table with every kind of field: it says true exactly when it found no
 * problem, and all that it decoded is within its limits. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/json_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct leaf {
	const char *key, *s;
	double num;
};

struct root {
	const char *str;
	int which;
	double num;
	int64_t i, us;
	bool flag;
	struct leaf *object;
	struct json_list list, map, strings, pairs;
	const cJSON *any;
	double fun;
};

static const char *const names[] = {"alpha", "beta", "gamma", NULL};

static bool decode_fun(const cJSON *v, void *field, const char *pointer, struct problems *p)
{
	double *out = field;

	return json_num_lax(v, out) || problem_add(p, pointer, "bad", "neither a number nor text with one");
}

static const struct json_field leaf_fields[] = {
	JF_STR(struct leaf, s, "s", JF_REQUIRED, 1, 4, "text"),
	JF_NUM(struct leaf, num, "num", JF_OPTIONAL, -1, 1, "0.5", "number"),
	JF_END,
};

static const struct json_field root_fields[] = {
	JF_STR(struct root, str, "str", JF_OPTIONAL, 0, 8, "text"),
	JF_ENUM(struct root, which, "enum", JF_OPTIONAL, names, "\"beta\"", "name"),
	JF_NUM(struct root, num, "num", JF_OPTIONAL, -1e3, 1e3, NULL, "number"),
	JF_INT(struct root, i, "int", JF_OPTIONAL, -9, 9, "1", "integer"),
	JF_BOOL(struct root, flag, "bool", "true", "truth"),
	JF_DURATION(struct root, us, "duration", JF_OPTIONAL, 1, 86400, "\"1h\"", "time"),
	JF_OBJECT(struct root, object, "object", JF_OPTIONAL, leaf_fields, struct leaf, "one"),
	JF_LIST(struct root, list, "list", JF_OPTIONAL, 0, 3, leaf_fields, struct leaf, "some"),
	JF_MAP(struct root, map, "map", JF_OPTIONAL, 1, 3, leaf_fields, struct leaf, "named"),
	JF_STRINGS(struct root, strings, "strings", JF_OPTIONAL, 1, 3, "words"),
	JF_STRMAP(struct root, pairs, "pairs", 0, 3, "pairs"),
	JF_ANY(struct root, any, "any", JF_OPTIONAL, "anything"),
	JF_FUN(struct root, fun, "fun", JF_OPTIONAL, decode_fun, NULL, "by hand"),
	JF_END,
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_leaves(const struct json_list *list, bool named)
{
	const struct leaf *leaves = list->items;

	must(list->n <= 3);
	for (size_t i = 0; i < list->n; i++) {
		must(strlen(leaves[i].s) >= 1 && strlen(leaves[i].s) <= 4);
		must(fabs(leaves[i].num) <= 1);
		must(!named || leaves[i].key != NULL);
	}
}

static void check_limits(const struct root *r)
{
	must(!r->str || strlen(r->str) <= 8);
	must(r->which >= 0 && r->which < 3);
	must(fabs(r->num) <= 1e3 && r->i >= -9 && r->i <= 9);
	must(r->us >= 1000000 && r->us <= INT64_C(86400000000));
	check_leaves(&r->list, false);
	check_leaves(&r->map, true);
	for (size_t i = 0; i < r->strings.n; i++)
		must(((const char **)r->strings.items)[i] != NULL);
	for (size_t i = 0; i < r->pairs.n; i++)
		must(((const struct json_pair *)r->pairs.items)[i].value != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const cJSON *v = json_parse((const char *)data, size, 0, a, NULL);
	struct problems p;
	struct root r = {0};

	problems_init(&p, a);
	if (v) {
		bool ok = json_decode(v, root_fields, &r, "", &p);

		must(ok == (p.total == 0) && p.n <= p.total);
		if (ok)
			check_limits(&r);
		for (size_t i = 0; i < p.n; i++)
			must(p.items[i].pointer && p.items[i].code && p.items[i].detail);
	}
	arena_free(a);
	return 0;
}
