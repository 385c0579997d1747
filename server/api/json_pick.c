/* Trees compared and cut. */
#include "server/api/json_pick.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/problems.h"

/* ---- difference -------------------------------------------------------------------------------------- */

struct diff {
	struct json_writer *w;
	struct problems *paths;         /* only makes pointers */
	size_t n;
};

static void entry(struct diff *d, const char *pointer, const cJSON *stored, const cJSON *posted)
{
	if (d->n++ >= JSON_DIFF_MAX)
		return;
	jw_object(d->w, NULL);
	jw_str(d->w, "pointer", pointer);
	if (stored)
		jw_value(d->w, "stored", stored);
	if (posted)
		jw_value(d->w, "posted", posted);
	jw_end(d->w);
}

static void compare(struct diff *d, const char *pointer, const cJSON *stored, const cJSON *posted)
{
	if (!json_is_object(stored) || !json_is_object(posted)) {
		if (!stored || !posted || !json_equal(stored, posted))
			entry(d, pointer, stored, posted);
		return;
	}
	json_each(item, stored)
		compare(d, problem_path(d->paths, pointer, item->string), item, json_get(posted, item->string));
	json_each(item, posted)
		if (!json_get(stored, item->string))
			compare(d, problem_path(d->paths, pointer, item->string), NULL, item);
}

void json_diff(struct json_writer *w, const char *key, const char *pointer, const cJSON *stored,
	const cJSON *posted, struct arena *a)
{
	struct diff d = {.w = w, .paths = ARENA_NEW(a, struct problems)};

	problems_init(d.paths, a);
	jw_array(w, key);
	compare(&d, pointer, stored, posted);
	jw_end(w);
}

/* ---- selection --------------------------------------------------------------------------------------- */

/* Does `path` name the member `name` or something in it? *rest is what follows, "" for all of it. */
static bool leads_to(const char *path, const char *name, const char **rest)
{
	size_t n = strlen(name);

	if (strncmp(path, name, n) != 0 || (path[n] != '\0' && path[n] != '.'))
		return false;
	*rest = path[n] == '.' ? path + n + 1 : "";
	return true;
}

enum { PATHS_MAX = 32 };

static void pick_member(struct json_writer *w, const cJSON *item, const char *const *paths, size_t n)
{
	const char *below[PATHS_MAX];
	size_t n_below = 0;

	assert(item->string && n <= PATHS_MAX);
	for (size_t i = 0; i < n && n_below < PATHS_MAX; i++) {
		const char *rest;
		if (!leads_to(paths[i], item->string, &rest))
			continue;
		if (!*rest)
			return jw_value(w, item->string, item);
		below[n_below++] = rest;
	}
	if (n_below)
		json_pick(w, item->string, item, below, n_below);
}

void json_pick(struct json_writer *w, const char *key, const cJSON *v, const char *const *paths, size_t n)
{
	if (json_is_array(v)) {
		jw_array(w, key);
		json_each(item, v)
			json_pick(w, NULL, item, paths, n);
		jw_end(w);
	} else if (json_is_object(v)) {
		jw_object(w, key);
		json_each(item, v)
			pick_member(w, item, paths, n);
		jw_end(w);
	} else {
		jw_value(w, key, v);
	}
}
