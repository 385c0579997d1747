/*
 * Documents for the tests of the model: one that is right, and variations of it by merge patch.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/json.h"
#include "lib/json_write.h"
#include "lib/problems.h"
#include "lib/strbuf.h"
#include "server/model/spec.h"

/* A parameter of every kind; m is active only with sgd. */
#define DOCUMENT                                                                                     \
	"{\"metadata\":{\"name\":\"e\"},\"spec\":{"                                                      \
	"\"objectives\":[{\"metric\":\"loss\",\"direction\":\"minimize\"}],"                             \
	"\"parameters\":{"                                                                               \
	"\"x\":{\"type\":\"double\",\"min\":0,\"max\":1},"                                               \
	"\"n\":{\"type\":\"int\",\"min\":1,\"max\":8},"                                                  \
	"\"opt\":{\"type\":\"categorical\",\"values\":[\"sgd\",\"adam\"]},"                              \
	"\"m\":{\"type\":\"double\",\"min\":0.5,\"max\":0.9,\"when\":{\"opt\":[\"sgd\"]}}},"             \
	"\"trial\":{\"executor\":\"local\","                                                             \
	"\"command\":[\"run\",\"--x=${x}\",\"--n=${n}\",\"--opt=${opt}\",\"--m=${m}\"]}}}"

static inline const cJSON *parse_text(struct arena *a, const char *text)
{
	struct err e = {0};
	const cJSON *tree = json_parse(text, strlen(text), 0, a, &e);
	if (tree == NULL)
		fail_msg("%s in %s", e.detail, text);
	return tree;
}

static inline void write_patched(struct json_writer *w, const char *key, const cJSON *target, const cJSON *patch)
{
	if (patch == NULL || !json_is_object(patch)) {
		jw_value(w, key, patch != NULL ? patch : target);
		return;
	}
	jw_object(w, key);
	json_each(v, json_is_object(target) ? target : NULL) {
		const cJSON *change = json_get(patch, v->string);
		if (!json_is_null(change))
			write_patched(w, v->string, v, change);
	}
	json_each(v, patch) {
		if (!json_is_null(v) && json_get(json_is_object(target) ? target : NULL, v->string) == NULL)
			write_patched(w, v->string, NULL, v);
	}
	jw_end(w);
}

/* DOCUMENT with a merge patch applied. */
static inline const cJSON *patched(struct arena *a, const char *patch)
{
	struct strbuf b;
	struct json_writer w;
	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	write_patched(&w, NULL, parse_text(a, DOCUMENT), parse_text(a, patch));
	const cJSON *tree = parse_text(a, b.data);
	strbuf_free(&b);
	return tree;
}

/* "pointer code" of each problem, one a line. */
static inline const char *problem_lines(const struct problems *p)
{
	const char *out = "";
	for (size_t i = 0; i < p->n; i++)
		out = arena_printf(p->arena, "%s%s%s %s", out, i > 0 ? "\n" : "", p->items[i].pointer, p->items[i].code);
	return out;
}

/* A spec that must be right. */
static inline const struct experiment_spec *spec_of(struct arena *a, const cJSON *doc)
{
	const struct experiment_spec *s = NULL;
	struct problems *p = ARENA_NEW(a, struct problems);
	problems_init(p, a);
	if (!spec_from_json(doc, NULL, a, &s, p, NULL))
		fail_msg("unexpected: %s: %s", problem_lines(p), p->n > 0 ? p->items[0].detail : "");
	return s;
}

static inline const struct experiment_spec *spec_patched(struct arena *a, const char *patch)
{
	return spec_of(a, patched(a, patch));
}
