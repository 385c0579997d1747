/*
 * The environment of a trial: what a program needs to find itself at home, never what configures
 * the server. Whatever else a trial needs, its document says.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "trial-runner/local_run.h"

/* Taken over from the server when set. No proxies (they hold passwords), nothing of PostgreSQL. */
static const char *const inherited[] = {
	"HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_NUMERIC", "TZ", "TMPDIR",
	"LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTHONPATH", "PYTHONHOME",
	"CUDA_HOME", "CUDA_VISIBLE_DEVICES", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
};

struct env {
	struct arena *arena;
	const char **items;
	size_t n, cap;
};

static void put(struct env *e, const char *item)
{
	size_t name = strcspn(item, "=");

	for (size_t i = 0; i < e->n; i++) {
		if (strncmp(e->items[i], item, name) == 0 && e->items[i][name] == '=') {
			e->items[i] = item;
			return;
		}
	}
	if (e->n + 1 >= e->cap) {
		const char **wider = ARENA_NEW_N(e->arena, const char *, e->cap * 2);

		memcpy(wider, e->items, e->n * sizeof *wider);
		e->items = wider;
		e->cap *= 2;
	}
	e->items[e->n++] = item;
}

static void inherit(struct env *e, const char *name, const char *dflt)
{
	const char *value = getenv(name);

	if (value || dflt)
		put(e, arena_printf(e->arena, "%s=%s", name, value ? value : dflt));
}

const char *const *local_env(struct arena *a, const struct run_order *o, const char *folder,
	const char *checkpoint, const char *parent_checkpoint, const char *gpus)
{
	struct env e = {.arena = a, .cap = 64};

	e.items = ARENA_NEW_N(a, const char *, e.cap);
	inherit(&e, "PATH", "/usr/local/bin:/usr/bin:/bin");
	for (size_t i = 0; i < ARRAY_LEN(inherited); i++)
		inherit(&e, inherited[i], NULL);
	put(&e, "PYTHONUNBUFFERED=1");          /* lines are read as they are printed */
	for (const char *const *item = o->env; item && *item; item++) {
		if (strchr(*item, '='))
			put(&e, *item);
	}
	put(&e, arena_printf(a, "TRIMTAB_STOP_FILE=%s/%s", folder, RUNDIR_STOP_FILE));
	put(&e, arena_printf(a, "TRIMTAB_SPOOL=%s/%s", folder, RUNDIR_SPOOL));
	put(&e, arena_printf(a, "TRIMTAB_CHECKPOINT_DIR=%s", checkpoint));
	if (parent_checkpoint)
		put(&e, arena_printf(a, "TRIMTAB_PARENT_CHECKPOINT_DIR=%s", parent_checkpoint));
	if (gpus)
		put(&e, arena_printf(a, "CUDA_VISIBLE_DEVICES=%s", gpus));
	e.items[e.n] = NULL;
	return e.items;
}
