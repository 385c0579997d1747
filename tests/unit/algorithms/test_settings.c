/* Settings by table: names, types, ranges, texts; and what a problem asks of an algorithm. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/registry.h"
#include "tests/unit/algorithms/spaces.h"

enum { FLAG, COUNT, SHARE, KIND, WHERE, FOLDER, ROWS };

static const char *const count_aliases[] = {"n_ei_candidates", "n", NULL};
static const char *const kinds[] = {"none", "ipop", "bipop", NULL};
static const struct algo_setting rows[] = {
	[FLAG] = {.name = "flag", .type = ALGO_BOOL, .def = 1, .doc = "A flag."},
	[COUNT] = {.name = "n_EI_candidates",
		.aliases = count_aliases,
		.type = ALGO_INT,
		.min = 1,
		.max = INFINITY,
		.def = 24,
		.doc = "A count."},
	[SHARE] = {.name = "gamma",
		.type = ALGO_REAL,
		.above_min = true,
		.below_max = true,
		.min = 0,
		.max = 1,
		.def = 0.25,
		.doc = "A share."},
	[KIND] =
		{.name = "restart_strategy", .type = ALGO_CHOICE, .choices = kinds, .def = 1, .doc = "A choice."},
	[WHERE] = {.name = "resource_name", .type = ALGO_PARAM, .def = NAN, .doc = "A parameter."},
	[FOLDER] = {.name = "folder", .type = ALGO_TEXT, .required = true, .doc = "A text."},
};
static const struct algorithm table = {
	.name = "table", .doc = "A table.", .settings = rows, .n_settings = ROWS};

struct told {
	int n;
	int param;
	char setting[64], message[200];
};

static void tell(void *ctx, const char *setting, int param, const char *message)
{
	struct told *t = ctx;

	t->n++;
	t->param = param;
	snprintf(t->setting, sizeof(t->setting), "%s", setting ? setting : "");
	snprintf(t->message, sizeof(t->message), "%s", message);
}

static void finds_names_and_aliases(void **state)
{
	(void)state;
	assert_int_equal(algo_setting_find(&table, "gamma"), SHARE);
	assert_int_equal(algo_setting_find(&table, "n_ei_candidates"), COUNT);
	assert_int_equal(algo_setting_find(&table, "n"), COUNT);
	assert_int_equal(algo_setting_find(&table, "Gamma"), -1);
	assert_int_equal(algo_setting_find(&table, ""), -1);
}

static void defaults(void **state)
{
	struct algo_value v[ROWS];

	(void)state;
	algo_settings_init(&table, v);
	assert_true(
		v[FLAG].number == 1 && v[COUNT].number == 24 && v[SHARE].number == 0.25 && v[KIND].number == 1);
	assert_true(isnan(v[WHERE].number) && isnan(v[FOLDER].number) && !v[FOLDER].text);
	for (int i = 0; i < ROWS; i++)
		assert_false(v[i].given);
}

static void checks_texts(void **state)
{
	static const struct {
		int row;
		const char *text;
		double number; /* NaN: refused */
		const char *message;
	} cases[] = {
		{FLAG, "true", 1, NULL},
		{FLAG, "False", 0, NULL},
		{FLAG, "yes", NAN, "must be true or false"},
		{COUNT, "1", 1, NULL},
		{COUNT, "1e3", 1000, NULL},
		{COUNT, "0", NAN, "must be a whole number, at least 1"},
		{COUNT, "1.5", NAN, "must be a whole number, at least 1"},
		{COUNT, " 1", NAN, "must be a whole number, at least 1"},
		{COUNT, "1 ", NAN, "must be a whole number, at least 1"},
		{COUNT, "", NAN, "must be a whole number, at least 1"},
		{COUNT, "0x10", NAN, "must be a whole number, at least 1"},
		{COUNT, "inf", NAN, "must be a whole number, at least 1"},
		{COUNT, "9007199254740993e1", NAN, "must be a whole number, at least 1"},
		{SHARE, "0.5", 0.5, NULL},
		{SHARE, ".5", 0.5, NULL},
		{SHARE, "0", NAN, "must be a number, above 0 and below 1"},
		{SHARE, "1", NAN, "must be a number, above 0 and below 1"},
		{SHARE, "nan", NAN, "must be a number, above 0 and below 1"},
		{SHARE, "1e999", NAN, "must be a number, above 0 and below 1"},
		{KIND, "bipop", 2, NULL},
		{KIND, "BIPOP", NAN, "must be one of none, ipop, bipop"},
		{WHERE, "epochs", NAN, "must be the name of a parameter"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct algo_value v[ROWS];
		struct told told = {0};
		bool ok;

		algo_settings_init(&table, v);
		ok = algo_setting_text(&table, v, (uint32_t)cases[i].row, cases[i].text, tell, &told);
		if (ok != (cases[i].message == NULL))
			print_error("\"%s\" for %s: %s\n", cases[i].text, rows[cases[i].row].name, told.message);
		assert_int_equal(ok, cases[i].message == NULL);
		assert_int_equal(v[cases[i].row].given, ok);
		if (ok) {
			assert_true(v[cases[i].row].number == cases[i].number);
			continue;
		}
		assert_int_equal(told.n, 1);
		assert_string_equal(told.setting, rows[cases[i].row].name);
		assert_string_equal(told.message, cases[i].message);
	}
}

static void checks_numbers(void **state)
{
	struct algo_value v[ROWS];
	struct told told = {0};

	(void)state;
	algo_settings_init(&table, v);
	assert_true(algo_setting_number(&table, v, WHERE, 3, tell, &told));
	assert_true(algo_setting_number(&table, v, KIND, 0, tell, &told));
	assert_false(algo_setting_number(&table, v, KIND, 3, tell, &told));
	assert_false(algo_setting_number(&table, v, KIND, 0.5, tell, &told));
	assert_false(algo_setting_number(&table, v, FLAG, 2, tell, &told));
	assert_false(algo_setting_number(&table, v, SHARE, NAN, tell, &told));
	assert_false(algo_setting_number(&table, v, FOLDER, 1, tell, &told));
	assert_int_equal(told.n, 5);
	assert_true(algo_setting_text(&table, v, FOLDER, "/tmp", tell, &told));
	assert_string_equal(v[FOLDER].text, "/tmp");
}

static bool own_check(const struct algo_problem *p, algo_report *report, void *ctx)
{
	(void)p;
	report(ctx, NULL, -1, "no");
	return false;
}

static void checks_the_problem(void **state)
{
	struct space *plain = space_named("doubles"), *lists = space_named("lists"),
				 *tree = space_named("conditional");
	struct algo_value v[ROWS];
	struct told told = {0};
	struct algorithm a = table;
	struct algo_objective objectives[2] = {{.goal = NAN}, {.goal = NAN}};
	struct algo_problem p = {
		.space = plain, .objectives = objectives, .n_objectives = 1, .settings = v, .parallel = 1};

	(void)state;
	algo_settings_init(&table, v);
	assert_false(algo_check(&a, &p, tell, &told));
	assert_string_equal(told.setting, "folder");
	assert_true(algo_setting_text(&table, v, FOLDER, "x", tell, &told));
	assert_true(algo_check(&a, &p, tell, &told));
	p.space = lists;
	told = (struct told){0};
	assert_false(algo_check(&a, &p, tell, &told));
	assert_int_equal(told.n, 2);
	assert_int_equal(told.param, 2);
	assert_string_equal(told.message, "table does not support categorical parameters");
	a.capabilities = ALGO_CATEGORIES;
	assert_true(algo_check(&a, &p, tell, &told));
	p.space = tree;
	assert_false(algo_check(&a, &p, tell, &told));
	a.capabilities |= ALGO_CONDITIONS;
	assert_true(algo_check(&a, &p, tell, &told));
	p.n_objectives = 2;
	assert_false(algo_check(&a, &p, tell, &told));
	assert_string_equal(told.message, "table optimises one objective, not 2");
	a.capabilities |= ALGO_MULTI_OBJECTIVE;
	assert_true(algo_check(&a, &p, tell, &told));
	a.check = own_check;
	assert_false(algo_check(&a, &p, tell, &told));
	assert_string_equal(told.message, "no");
	space_unref(plain);
	space_unref(lists);
	space_unref(tree);
}

static void registry_finds(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_algorithms; i++)
		assert_ptr_equal(algorithm_find(algorithms[i]->name), algorithms[i]);
	assert_null(algorithms[n_algorithms]);
	assert_null(algorithm_find("Random"));
	assert_null(algorithm_find(""));
	assert_non_null(algorithm_find(ALGORITHM_DEFAULT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_names_and_aliases),
		cmocka_unit_test(defaults),
		cmocka_unit_test(checks_texts),
		cmocka_unit_test(checks_numbers),
		cmocka_unit_test(checks_the_problem),
		cmocka_unit_test(registry_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
