/* Which experiments are ours: claim what nobody drives, renew what we hold, let go what was taken. */
#include "server/control/internal.h"

#include <stdlib.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/failpoint.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "server/store/store_lease.h"

enum { CLAIM_MAX = 64 };        /* experiments in one go, so that replicas share a flood of them */

struct lease_call {
	struct control *control;
	struct arena *arena;
	struct store_lease *asked;
	size_t n;
};

static struct lease_call *call_new(struct control *c)
{
	struct arena *a = arena_new();
	struct lease_call *call = ARENA_NEW(a, struct lease_call);

	call->control = c;
	call->arena = a;
	return call;
}

static void claimed(void *ctx, const struct store_leases *rows, const struct err *e)
{
	struct lease_call *call = ctx;
	struct control *c = call->control;
	const bool again = c->claim_again || (rows && rows->n == CLAIM_MAX);

	c->claiming = false;
	c->claim_again = false;
	FAILPOINT("lease-claimed");
	for (size_t i = 0; rows && i < rows->n && c->started; i++)
		control_adopt(c, rows->items[i].experiment, rows->items[i].epoch);
	if (e) {
		LOG_DEBUG("leases not claimed", L_STR("error", e->detail));
		if (!c->claimed)
			reporter_refuse(c, 0, e);
	} else if (!again) {
		c->claimed = true;
		reporter_release(c);
	}
	arena_free(call->arena);
	if (again && !e)
		lease_claim(c);
}

void lease_claim(struct control *c)
{
	struct lease_call *call;
	int64_t *held;

	if (!c->started)
		return;
	if (c->claiming) {
		c->claim_again = true;
		return;
	}
	c->claiming = true;
	call = call_new(c);
	held = ARENA_NEW_N(call->arena, int64_t, c->n_experiments + 1);
	for (size_t i = 0; i < c->n_experiments; i++)
		held[i] = c->experiments[i]->id;
	store_lease_claim(c->store, call->arena, c->config.replica, c->config.lease_us, held, c->n_experiments,
		CLAIM_MAX, claimed, call);
}

static int by_experiment(const void *a, const void *b)
{
	const struct store_lease *l = a, *r = b;

	return (l->experiment > r->experiment) - (l->experiment < r->experiment);
}

static void renewed(void *ctx, const struct store_leases *rows, const struct err *e)
{
	struct lease_call *call = ctx;
	struct control *c = call->control;

	c->renewing = false;
	if (rows)
		qsort(rows->items, rows->n, sizeof *rows->items, by_experiment);
	for (size_t i = 0; rows && i < call->n; i++) {
		struct experiment *x = control_experiment(c, call->asked[i].experiment);
		if (!x || x->epoch != call->asked[i].epoch ||
			bsearch(&call->asked[i], rows->items, rows->n, sizeof *rows->items, by_experiment))
			continue;
		LOG_WARN("lease lost", L_INT("experiment_id", x->id), L_INT("epoch", x->epoch));
		control_drop(c, x);
	}
	if (e)
		LOG_DEBUG("leases not renewed", L_STR("error", e->detail));
	arena_free(call->arena);
}

static void renew(struct control *c)
{
	struct lease_call *call;

	if (c->renewing || c->n_experiments == 0)
		return;
	c->renewing = true;
	call = call_new(c);
	call->n = c->n_experiments;
	call->asked = ARENA_NEW_N(call->arena, struct store_lease, call->n);
	for (size_t i = 0; i < call->n; i++)
		call->asked[i] = (struct store_lease){c->experiments[i]->id, c->experiments[i]->epoch};
	store_lease_renew(c->store, call->arena, c->config.replica, c->config.lease_us, call->asked, call->n,
		renewed, call);
}

void lease_tick(struct control *c)
{
	renew(c);
	lease_claim(c);
}
