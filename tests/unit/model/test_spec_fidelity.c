/* How far trials run, and which rules stop them: documents that are right, and what the algorithms see. */
#include "tests/unit/model/documents.h"

#include <math.h>

#include "algorithms/space.h"
#include "algorithms/stopping/stopper.h"

static const char *rewritten(struct arena *a, const struct experiment_spec *s)
{
	const struct experiment_spec *again = spec_of(a, parse_text(a, spec_document(s, a)));
	char one[SPEC_SHA256_MAX], two[SPEC_SHA256_MAX];
	spec_sha256(s, one);
	spec_sha256(again, two);
	if (strcmp(one, two) != 0)
		fail_msg("%s\nreads back as\n%s", spec_document(s, a), spec_document(again, a));
	return spec_document(s, a);
}

static void contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no %s in %s", part, text);
}

/* A plain algorithm: the rules learn how far a full trial runs, nothing else changes. */
static void test_a_maximum_for_the_rules(void **state)
{
	struct arena *a = arena_new();
	(void)state;
	const struct experiment_spec *s = spec_patched(a,
		"{\"spec\":{\"algorithm\":{\"name\":\"random\"},\"fidelity\":{\"max\":81},"
		"\"earlyStopping\":{\"name\":\"medianstop\",\"settings\":{\"min_trials_required\":\"7\"}}}}");
	assert_true(s->fidelity.given && s->fidelity.parameter == -1 && s->fidelity.resume);
	assert_true(s->fidelity.min == 9 && s->fidelity.max == 81 && s->fidelity.eta == 3);
	assert_int_equal(s->fidelity.n_rungs, 0);
	assert_false(spec_grants(s));
	const struct stop_problem *p = s->stopping;
	assert_non_null(p);
	assert_int_equal(p->n_uses, 1);
	assert_ptr_equal(p->uses[0].rule, &stop_rule_median);
	int row = stop_setting_find(&stop_rule_median, "min_trials_required");
	assert_true(p->uses[0].settings[row].number == 7);
	assert_true(p->max_resource == 81 && p->rungs == NULL && !p->all);
	assert_string_equal(p->metric, "loss");
	assert_int_equal(p->direction, ALGO_MINIMIZE);
	assert_int_equal(p->value, STOP_BEST);
	contains(rewritten(a, s), "\"fidelity\":{\"min\":9,\"max\":81,\"eta\":3,\"resume\":true},"
		"\"earlyStopping\":{\"name\":\"medianstop\",\"settings\":{\"min_trials_required\":\"7\"}}");
	arena_free(a);
}

static void test_several_rules(void **state)
{
	struct arena *a = arena_new();
	(void)state;
	const struct experiment_spec *s = spec_patched(a,
		"{\"spec\":{\"objectives\":[{\"metric\":\"acc\",\"direction\":\"maximize\",\"strategy\":\"latest\"}],"
		"\"earlyStopping\":{\"all\":[{\"name\":\"medianstop\"},{\"name\":\"threshold\",\"settings\":{\"lower\":0.1}}]}}}");
	assert_int_equal(s->early_stopping.n_rules, 2);
	assert_true(s->early_stopping.all && s->stopping->all);
	assert_int_equal(s->stopping->n_uses, 2);
	assert_int_equal(s->stopping->direction, ALGO_MAXIMIZE);
	assert_int_equal(s->stopping->value, STOP_LATEST);
	assert_true(isnan(s->stopping->max_resource));
	contains(rewritten(a, s),
		"\"earlyStopping\":{\"all\":[{\"name\":\"medianstop\"},{\"name\":\"threshold\",\"settings\":{\"lower\":0.1}}]}");
	/* One in a list is the one. */
	const struct experiment_spec *one = spec_patched(a, "{\"spec\":{\"earlyStopping\":{\"any\":[{\"name\":\"medianstop\"}]}}}");
	contains(rewritten(a, one), "\"earlyStopping\":{\"name\":\"medianstop\"}");
	/* A stopper can be made of it. */
	struct stopper *stopper = stopper_new(s->stopping);
	assert_non_null(stopper);
	stopper_free(stopper);
	arena_free(a);
}

/* Stopped at rungs: the stopper gets them, the document shows them. */
static void test_rungs_are_declared(void **state)
{
	struct arena *a = arena_new();
	(void)state;
	const struct experiment_spec *s = spec_patched(a,
		"{\"spec\":{\"algorithm\":{\"name\":\"asha\"},\"fidelity\":{\"min\":1,\"max\":27,\"rungs\":[7]},"
		"\"earlyStopping\":{\"name\":\"medianstop\"}}}");
	assert_false(spec_grants(s));
	assert_int_equal(s->stopping->n_uses, 1);
	assert_non_null(s->stopping->rungs);
	assert_int_equal(s->stopping->rungs->n, 3);
	assert_true(s->stopping->rungs->at[2] == 9 && s->stopping->max_resource == 27);
	contains(rewritten(a, s), "\"fidelity\":{\"min\":1,\"max\":27,\"eta\":3,\"resume\":true,\"rungs\":[1,3,9]}");
	struct stopper *stopper = stopper_new(s->stopping);
	assert_non_null(stopper);
	stopper_free(stopper);
	arena_free(a);
}

/* Granted by steps: nothing is compared, but what goes on beyond its grant is stopped. */
static void test_lengths_are_granted(void **state)
{
	static const char *const granting[] = {"{\"name\":\"hyperband\"}", "{\"name\":\"bohb\"}", "{\"name\":\"pasha\"}",
		"{\"name\":\"successive-halving\"}", "{\"name\":\"asha\",\"settings\":{\"variant\":\"promotion\"}}"};
	struct arena *a = arena_new();
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(granting); i++) {
		const struct experiment_spec *s = spec_patched(a,
			arena_printf(a, "{\"spec\":{\"algorithm\":%s,\"fidelity\":{\"max\":81,\"resume\":false}}}", granting[i]));
		assert_true(spec_grants(s));
		assert_true(s->fidelity.min == 9 && !s->fidelity.resume && !s->problem.fidelity->resumable);
		assert_int_equal(s->fidelity.n_rungs, 0);
		assert_non_null(s->stopping);
		assert_true(s->stopping->n_uses == 0 && s->stopping->rungs == NULL);
		rewritten(a, s);
	}
	/* A rule that looks at a trial alone goes with it. */
	const struct experiment_spec *s = spec_patched(a,
		"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\"},\"fidelity\":{\"max\":81},"
		"\"earlyStopping\":{\"any\":[{\"name\":\"threshold\",\"settings\":{\"upper\":9}},{\"name\":\"patience\"}]}}}");
	assert_int_equal(s->stopping->n_uses, 2);
	arena_free(a);
}

/* By a parameter: from its range, and as Katib says it, whose example has epochs from 1 to 1. */
static void test_a_parameter_carries_it(void **state)
{
	struct arena *a = arena_new();
	(void)state;
	const struct experiment_spec *s = spec_patched(a,
		"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\"},\"fidelity\":{\"parameter\":\"n\",\"eta\":2}}}");
	assert_int_equal(s->fidelity.parameter, 1);
	assert_true(s->fidelity.min == 1 && s->fidelity.max == 8 && s->fidelity.eta == 2);
	assert_int_equal(s->problem.fidelity->param, 1);
	assert_null(s->stopping);
	contains(rewritten(a, s), "\"fidelity\":{\"parameter\":\"n\",\"min\":1,\"max\":8,\"eta\":2,\"resume\":true}");

	s = spec_patched(a,
		"{\"spec\":{\"parameters\":{\"n\":{\"max\":1}},\"algorithm\":{\"name\":\"hyperband\",\"settings\":{"
		"\"resource_name\":\"n\",\"eta\":\"2\",\"r_l\":\"2\"}}}}");
	assert_int_equal(s->fidelity.parameter, 1);
	assert_true(s->fidelity.min == 1 && s->fidelity.max == 2 && s->fidelity.eta == 2);
	assert_true(s->parameters[1].max == 2 && space_at(s->problem.space, 1)->max == 2);
	rewritten(a, s);
	/* Both say the same. */
	spec_patched(a, "{\"spec\":{\"algorithm\":{\"name\":\"hyperband\",\"settings\":{\"resource_name\":\"n\",\"r_l\":8}},"
					"\"fidelity\":{\"parameter\":\"n\",\"max\":8,\"eta\":3}}}");
	arena_free(a);
}

static void test_none(void **state)
{
	struct arena *a = arena_new();
	(void)state;
	const struct experiment_spec *s = spec_patched(a, "{}");
	assert_false(s->fidelity.given);
	assert_null(s->stopping);
	assert_null(s->problem.fidelity);
	assert_int_equal(s->early_stopping.n_rules, 0);
	assert_null(strstr(rewritten(a, s), "fidelity"));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_maximum_for_the_rules),
		cmocka_unit_test(test_several_rules),
		cmocka_unit_test(test_rungs_are_declared),
		cmocka_unit_test(test_lengths_are_granted),
		cmocka_unit_test(test_a_parameter_carries_it),
		cmocka_unit_test(test_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
