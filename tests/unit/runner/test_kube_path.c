/* Paths of the API: put together, and taken apart into what they are about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "trial-runner/kubernetes/api_path.h"
#include "trial-runner/kubernetes/client.h"

static void paths_are_put_together(void **state UNUSED)
{
	static const struct { const char *version, *ns, *resource, *name, *sub, *path; } cases[] = {
		{"v1", "a", "pods", "x", "log", "/api/v1/namespaces/a/pods/x/log"},
		{"v1", "a", "pods", NULL, "log", "/api/v1/namespaces/a/pods"},
		{"batch/v1", "a", "jobs", "x", NULL, "/apis/batch/v1/namespaces/a/jobs/x"},
		{"batch/v1", NULL, "jobs", NULL, NULL, "/apis/batch/v1/jobs"},
		{"v1", NULL, "nodes", "n", NULL, "/api/v1/nodes/n"},
		{"kubeflow.org/v1", NULL, NULL, NULL, NULL, "/apis/kubeflow.org/v1"},
		{"v1", "a", "pods", "", NULL, "/api/v1/namespaces/a/pods/%20"},
		{"v1", "..", "pods", ".", NULL, "/api/v1/namespaces/%20../pods/%20."},
		{"v1", "a", "pods", "../secrets?x=/", NULL, "/api/v1/namespaces/a/pods/..%2Fsecrets%3Fx%3D%2F"},
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(kube_path(a, cases[i].version, cases[i].ns, cases[i].resource, cases[i].name, cases[i].sub),
			cases[i].path);
	char name[5000];
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(strlen(kube_path(a, "v1", "a", "pods", name, NULL)), 26 + strlen(name)); /* never cut short */
	arena_free(a);
}

static void paths_are_taken_apart(void **state UNUSED)
{
	static const struct { const char *path, *group, *ns, *resource, *name, *sub, *get; } cases[] = {
		{"/api/v1/namespaces/a/pods", "", "a", "pods", "", "", "list"},
		{"/api/v1/namespaces/a/pods/x/log?follow=true", "", "a", "pods", "x", "log", "get"},
		{"/apis/batch/v1/namespaces/a/jobs/x", "batch", "a", "jobs", "x", "", "get"},
		{"/apis/batch/v1/namespaces/a/jobs", "batch", "a", "jobs", "", "", "list"},
		{"/apis/batch/v1/jobs", "batch", "", "jobs", "", "", "list"},
		{"/api/v1/namespaces", "", "", "namespaces", "", "", "list"},
		{"/api/v1/namespaces/a", "", "", "namespaces", "a", "", "get"},
		{"/api/v1/nodes/n/status", "", "", "nodes", "n", "status", "get"},
		{"/version", "", "", "", "", "", "get"},
		{"/", "", "", "", "", "", "get"},
		{"/apis/a/b/c/d/e/f/g/h/i", "a", "", "c", "d", "e", "get"},
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct api_path p = api_path_split(cases[i].path, a);
		assert_string_equal(p.group, cases[i].group);
		assert_string_equal(p.ns, cases[i].ns);
		assert_string_equal(p.resource, cases[i].resource);
		assert_string_equal(p.name, cases[i].name);
		assert_string_equal(p.subresource, cases[i].sub);
		assert_string_equal(api_verb("GET", cases[i].path, NULL), cases[i].get);
	}
	arena_free(a);
}

static void verbs_are_those_of_roles(void **state UNUSED)
{
	static const char pods[] = "/api/v1/namespaces/a/pods", pod[] = "/api/v1/namespaces/a/pods/x";

	assert_string_equal(api_verb("GET", pods, "watch=1&resourceVersion=3"), "watch");
	assert_string_equal(api_verb("GET", pods, "limit=1"), "list");
	assert_string_equal(api_verb("POST", pods, NULL), "create");
	assert_string_equal(api_verb("PATCH", pod, NULL), "patch");
	assert_string_equal(api_verb("PUT", pod, NULL), "update");
	assert_string_equal(api_verb("DELETE", pod, NULL), "delete");
	assert_string_equal(api_verb("DELETE", pods, NULL), "deletecollection");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_put_together),
		cmocka_unit_test(paths_are_taken_apart),
		cmocka_unit_test(verbs_are_those_of_roles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
