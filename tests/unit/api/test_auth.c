/* Principals: tokens of users and trials, the cache, roles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/clk.h"
#include "server/api/auth.h"
#include "server/model/trial_token.h"

static struct {
	int lookups;
	bool known, late;
	auth_found_fn *found;
	void *found_ctx;
} store;

static const struct principal ana = {.kind = PRINCIPAL_USER, .role = ROLE_EDITOR, .name = "ana", .ns = "lab"};

static void lookup(void *ctx UNUSED, const uint8_t hash[AUTH_HASH], struct arena *a UNUSED,
	auth_found_fn *found, void *found_ctx)
{
	uint8_t expected[AUTH_HASH];
	auth_hash("secret", expected);
	assert_memory_equal(hash, expected, AUTH_HASH);
	store.lookups++;
	store.found = found;
	store.found_ctx = found_ctx;
	if (!store.late)
		found(found_ctx, store.known ? &ana : NULL, NULL);
}

struct result {
	int done;
	bool failed;
	struct principal p;
	struct err e;
};

static void note(void *ctx, const struct principal *p, const struct err *e)
{
	struct result *r = ctx;
	r->done++;
	r->failed = e != NULL;
	if (p)
		r->p = *p;
	if (e)
		r->e = *e;
}

static struct result who(struct auth *au, struct arena *a, const char *authorization)
{
	struct result r = {0};
	auth_identify(au, authorization, a, note, &r);
	return r;
}

static void hits_are_remembered_for_a_while(void **state UNUSED)
{
	clk_set_virtual(CLK_SECOND, 0);
	memset(&store, 0, sizeof store);
	struct arena *a = arena_new();
	struct auth *au = auth_new(&(struct auth_config){.lookup = lookup});
	struct result r = who(au, a, "Bearer secret");
	assert_true(r.failed && r.e.code == ERR_UNAUTHENTICATED);
	store.known = true; /* a miss is not remembered */
	for (int i = 0; i < 3; i++) {
		r = who(au, a, "Bearer  secret");
		assert_false(r.failed);
		assert_string_equal(r.p.name, "ana");
		assert_string_equal(r.p.ns, "lab");
		assert_int_equal(r.p.role, ROLE_EDITOR);
	}
	assert_int_equal(store.lookups, 2);
	clk_advance(AUTH_CACHE_S * CLK_SECOND);
	who(au, a, "Bearer secret");
	assert_int_equal(store.lookups, 3);
	auth_forget(au);
	who(au, a, "Bearer secret");
	assert_int_equal(store.lookups, 4);
	auth_free(au);
	arena_free(a);
	clk_set_real();
}

static void an_answer_older_than_forgetting_is_not_kept(void **state UNUSED)
{
	memset(&store, 0, sizeof store);
	store.late = store.known = true;
	struct arena *a = arena_new();
	struct auth *au = auth_new(&(struct auth_config){.lookup = lookup});
	struct result r = {0};
	auth_identify(au, "Bearer secret", a, note, &r);
	assert_int_equal(r.done, 0);
	auth_forget(au);
	store.found(store.found_ctx, &ana, NULL);
	assert_int_equal(r.done, 1);
	assert_false(r.failed);
	who(au, a, "Bearer secret");
	assert_int_equal(store.lookups, 2);
	auth_free(au);
	arena_free(a);
}

static void open_servers_know_the_anonymous(void **state UNUSED)
{
	memset(&store, 0, sizeof store);
	struct arena *a = arena_new();
	struct auth *au = auth_new(&(struct auth_config){.open = true, .lookup = lookup});
	struct result r = who(au, a, NULL);
	assert_int_equal(r.p.kind, PRINCIPAL_ANONYMOUS);
	assert_true(auth_allows(&r.p, ROLE_ADMIN, "*", NULL));
	r = who(au, a, "Bearer secret"); /* a wrong token is wrong here too */
	assert_true(r.failed);
	auth_free(au);
	arena_free(a);
}

static void trial_tokens_need_no_store(void **state UNUSED)
{
	static const char key[] = "0123456789abcdef0123456789abcdef";
	char token[TRIAL_TOKEN_MAX], header[TRIAL_TOKEN_MAX + 8] = "Bearer ";
	struct arena *a = arena_new();
	struct auth *au = auth_new(&(struct auth_config){.trial_key = key, .trial_key_len = 32});
	trial_token_make(token, key, 32, 42, 17);
	memcpy(header + 7, token, strlen(token) + 1);
	struct result r = who(au, a, header);
	assert_false(r.failed);
	assert_int_equal(r.p.kind, PRINCIPAL_TRIAL);
	struct err e;
	assert_true(auth_allows_trial(&r.p, ROLE_EDITOR, "lab", 42, 17, &e));
	assert_false(auth_allows_trial(&r.p, ROLE_EDITOR, "lab", 42, 18, &e));
	assert_false(auth_allows_trial(&r.p, ROLE_EDITOR, "lab", 43, 17, &e));
	assert_false(auth_allows(&r.p, ROLE_NONE, "lab", &e));
	assert_true(auth_allows_trial(&ana, ROLE_EDITOR, "lab", 43, 17, &e));
	header[strlen(header) - 1] ^= 1;
	assert_true(who(au, a, header).failed);
	auth_set_trial_key(au, NULL, 0);
	header[strlen(header) - 1] ^= 1;
	assert_true(who(au, a, header).failed);
	auth_free(au);
	arena_free(a);
}

static void roles_include_the_lower_ones(void **state UNUSED)
{
	static const struct {
		enum role has;
		const char *ns;
		enum role need;
		const char *where;
		bool may;
	} cases[] = {
		{ROLE_VIEWER, "lab", ROLE_VIEWER, "lab", true},
		{ROLE_VIEWER, "lab", ROLE_EDITOR, "lab", false},
		{ROLE_EDITOR, "lab", ROLE_VIEWER, "lab", true},
		{ROLE_EDITOR, "lab", ROLE_EDITOR, "other", false},
		{ROLE_EDITOR, "lab", ROLE_EDITOR, NULL, true},
		{ROLE_EDITOR, "*", ROLE_EDITOR, "other", true},
		{ROLE_ADMIN, "lab", ROLE_ADMIN, "*", false},
		{ROLE_ADMIN, "*", ROLE_ADMIN, "*", true},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct principal p = {.kind = PRINCIPAL_USER, .role = cases[i].has, .name = "t", .ns = cases[i].ns};
		struct err e = {0};
		if (auth_allows(&p, cases[i].need, cases[i].where, &e) != cases[i].may)
			fail_msg("case %zu: %s", i, e.detail);
		assert_int_equal(e.code, cases[i].may ? ERR_OK : ERR_FORBIDDEN);
	}
	enum role r;
	assert_true(role_parse("editor", &r) && r == ROLE_EDITOR);
	assert_false(role_parse("none", &r));
	assert_string_equal(role_name(ROLE_ADMIN), "admin");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hits_are_remembered_for_a_while),
		cmocka_unit_test(an_answer_older_than_forgetting_is_not_kept),
		cmocka_unit_test(open_servers_know_the_anonymous),
		cmocka_unit_test(trial_tokens_need_no_store),
		cmocka_unit_test(roles_include_the_lower_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
