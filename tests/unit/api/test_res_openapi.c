/* The OpenAPI document: complete, consistent, and made of nothing but the tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/json.h"
#include "lib/strbuf.h"
#include "server/api/api.h"
#include "server/api/openapi.h"
#include "server/api/route.h"
#include "server/api/schema.h"

struct fixture {
	struct arena *arena;
	struct router *router;
	struct app app;
	struct strbuf text;
	const cJSON *doc;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct err e;

	f->arena = arena_new();
	/* Registration looks at no store: any address will do. */
	f->app = (struct app){.store = (struct store *)f, .version = "0.0.0"};
	f->router = router_new(NULL, &f->app);
	api_register(f->router, &f->app);
	strbuf_init(&f->text, 8 << 20);
	openapi_write(&f->text, f->router, "0.0.0");
	f->doc = json_parse(f->text.data, f->text.len, 0, f->arena, &e);
	if (!f->doc)
		fail_msg("not JSON: %s", e.detail);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	api_close(&f->app);
	router_free(f->router);
	strbuf_free(&f->text);
	arena_free(f->arena);
	free(f);
	return 0;
}

/* Every row is there under its path and method, with its id. */
static void test_every_route(void **state)
{
	struct fixture *f = *state;
	const cJSON *paths = json_get(f->doc, "paths");
	size_t shown = 0, listed = 0;

	for (size_t i = 0; i < router_count(f->router); i++) {
		const struct route *r = router_at(f->router, i);
		char method[16];
		size_t n = 0;

		if (r->flags & ROUTE_HIDDEN)
			continue;
		shown++;
		for (const char *c = http_method_name(r->method); *c; c++)
			method[n++] = (char)(*c | 0x20);
		method[n] = '\0';
		const char *id = json_str(json_get(json_get(json_get(paths, r->path), method), "operationId"));
		if (!id || strcmp(id, r->id) != 0)
			fail_msg("%s %s has the id %s", method, r->path, id ? id : "(none)");
	}
	json_each (path, paths)
		json_each (operation, path)
			listed++;
	assert_int_equal(shown, listed);
}

static void test_ids_are_unique(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < router_count(f->router); i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(router_at(f->router, i)->id, router_at(f->router, j)->id) == 0)
				fail_msg("two operations are called %s", router_at(f->router, i)->id);
}

static void check_refs(const struct fixture *f, const cJSON *v)
{
	const char *target = json_str(json_get(v, "$ref"));

	if (target && !json_at(f->doc, target + 1))
		fail_msg("nothing is at %s", target);
	json_each (item, v)
		if (json_is_object(item) || json_is_array(item))
			check_refs(f, item);
}

static void test_references(void **state)
{
	struct fixture *f = *state;

	check_refs(f, f->doc);
}

/* A schema that no answer uses is a leftover. */
static void test_schemas_are_used(void **state)
{
	struct fixture *f = *state;

	for (const struct schema *s = schemas; s->name; s++) {
		char ref[128];

		snprintf(ref, sizeof ref, "\"#/components/schemas/%s\"", s->name);
		if (!strstr(f->text.data, ref))
			fail_msg("nobody refers to %s", s->name);
	}
}

/* Whoever writes needs more than a viewer, and everything under /api but the root needs a role. */
static void test_roles(void **state)
{
	struct fixture *f = *state;
	static const char *const everybody[] = {"root", "getOpenApi", "openapi", "healthz", "readyz", "metrics", "version",
		"getProblemType"};

	for (size_t i = 0; i < router_count(f->router); i++) {
		const struct route *r = router_at(f->router, i);
		bool open = false;

		for (size_t j = 0; j < ARRAY_LEN(everybody); j++)
			open |= strcmp(r->id, everybody[j]) == 0;
		if (open != (r->need == ROLE_NONE))
			fail_msg("%s needs %s", r->id, role_name(r->need));
		if (r->method != HTTP_GET && r->need < ROLE_EDITOR && strcmp(r->id, "validate") != 0)
			fail_msg("%s writes and needs only %s", r->id, role_name(r->need));
		if (strstr(r->path, "/tokens") && (r->need != ROLE_ADMIN || !(r->flags & ROUTE_CLUSTER)))
			fail_msg("%s is not for administrators alone", r->id);
	}
}

/* What the token of a trial opens: exactly its reports and what it may read. */
static void test_trial_tokens(void **state)
{
	struct fixture *f = *state;
	static const char *const allowed[] = {"getTrial", "reportMetrics", "heartbeat", "getMetrics", "getLogs"};
	size_t n = 0;

	for (size_t i = 0; i < router_count(f->router); i++) {
		const struct route *r = router_at(f->router, i);
		bool is = false;

		if (!(r->flags & ROUTE_TRIAL_TOKEN))
			continue;
		n++;
		for (size_t j = 0; j < ARRAY_LEN(allowed); j++)
			is |= strcmp(r->id, allowed[j]) == 0;
		if (!is)
			fail_msg("a trial's token opens %s", r->id);
	}
	assert_int_equal(n, ARRAY_LEN(allowed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_route),
		cmocka_unit_test(test_ids_are_unique),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_schemas_are_used),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_trial_tokens),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
