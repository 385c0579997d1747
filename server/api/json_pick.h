/* Trees compared and cut: what is different between two documents, and what a client asked to see. */
#pragma once
#include <stddef.h>

#include "lib/json.h"

struct arena;
struct json_list;
struct json_writer;

enum { JSON_DIFF_MAX = 100 };

/* [{"pointer": "/budget/maxTrials", "stored": 60, "posted": 80}, ...], at most JSON_DIFF_MAX of them; a
 * side that has no such member is absent. */
void json_diff(struct json_writer *w, const char *key, const char *pointer, const cJSON *stored,
	const cJSON *posted, struct arena *a);

/* v with only the members that the dotted paths name ("metadata.name", "status"); lists keep all items. */
void json_pick(struct json_writer *w, const char *key, const cJSON *v, const char *const *paths, size_t n);
