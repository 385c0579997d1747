/*
 * Names to ids, remembered. A fixed table, one place per hash: a collision only costs a look into the
 * database. Notifications about an experiment remove it, so that a name that was deleted and used
 * again never leads to the old one for longer than the notification takes.
 */
#include "server/control/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/mem.h"

enum { PLACES = 4096 };

struct finder {
	struct {
		char *key;              /* "ns/name", owned */
		int64_t id;
	} places[PLACES];
};

struct finder *finder_new(void)
{
	return xcalloc(1, sizeof(struct finder));
}

void finder_free(struct finder *f)
{
	for (size_t i = 0; i < PLACES; i++)
		free(f->places[i].key);
	free(f);
}

static size_t place(const char *key)
{
	uint64_t h = UINT64_C(14695981039346656037);    /* FNV-1a */

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
	return h % PLACES;
}

static void remember(struct finder *f, const char *key, int64_t id)
{
	const size_t i = place(key);

	free(f->places[i].key);
	f->places[i].key = xstrdup(key);
	f->places[i].id = id;
}

void finder_forget(struct control *c, int64_t experiment_id)
{
	for (size_t i = 0; i < PLACES; i++)
		if (c->finder->places[i].key && (experiment_id == 0 || c->finder->places[i].id == experiment_id)) {
			free(c->finder->places[i].key);
			c->finder->places[i].key = NULL;
		}
}

struct search {
	struct control *control;
	struct arena *arena;
	const char *key, *ns, *name;
	control_found_fn *done;
	void *ctx;
};

static void found(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct search *s = ctx;
	struct err none;

	if (e) {
		s->done(s->ctx, 0, e);
	} else if (rows->n == 0) {
		err_set(&none, ERR_NOT_FOUND, "there is no experiment '%s' in namespace '%s'", s->name, s->ns);
		s->done(s->ctx, 0, &none);
	} else {
		remember(s->control->finder, s->key, rows->items[0].id);
		s->done(s->ctx, rows->items[0].id, NULL);
	}
	arena_free(s->arena);
}

void control_find(struct control *c, const char *ns, const char *name, control_found_fn *done, void *ctx)
{
	char key[SPEC_NAMESPACE_MAX + SPEC_NAME_MAX + 2];
	struct err none;

	if ((size_t)snprintf(key, sizeof key, "%s/%s", ns, name) >= sizeof key) {
		err_set(&none, ERR_NOT_FOUND, "there is no experiment '%.80s'", name);
		done(ctx, 0, &none);
		return;
	}
	const size_t i = place(key);
	if (c->finder->places[i].key && strcmp(c->finder->places[i].key, key) == 0) {
		done(ctx, c->finder->places[i].id, NULL);
		return;
	}
	struct arena *a = arena_new();
	struct search *s = ARENA_NEW(a, struct search);
	*s = (struct search){.control = c, .arena = a, .key = arena_strdup(a, key), .ns = arena_strdup(a, ns),
		.name = arena_strdup(a, name), .done = done, .ctx = ctx};
	store_experiment_get(c->store, a, s->ns, s->name, found, s);
}
