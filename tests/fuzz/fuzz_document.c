/*
 * Any text as an experiment document: it is refused with a reason, or it is a spec whose normal form
 * reads back to itself, whose space can be decoded, and whose trial can be rendered.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/space.h"
#include "lib/arena.h"
#include "lib/json.h"
#include "lib/problems.h"
#include "server/model/params.h"
#include "server/model/render.h"
#include "server/model/spec.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

static const struct experiment_spec *read(const cJSON *doc, struct arena *a)
{
	struct problems *p = ARENA_NEW(a, struct problems), *warnings = ARENA_NEW(a, struct problems);
	struct spec_options opt = {.executor = EXECUTOR_LOCAL};
	const struct experiment_spec *s = NULL;

	problems_init(p, a);
	problems_init(warnings, a);
	bool ok = spec_from_json(doc, &opt, a, &s, p, warnings);
	must(ok == (p->total == 0) && ok == (s != NULL));
	for (size_t i = 0; i < p->n; i++)
		must(p->items[i].pointer != NULL && p->items[i].detail[0] != '\0');
	return s;
}

/* A configuration drawn from the space survives all its forms, and a trial of it can be started. */
static void use(const struct experiment_spec *s, double where, struct arena *a)
{
	double *u = arena_calloc(a, s->n_parameters, sizeof *u), *x = arena_calloc(a, s->n_parameters, sizeof *x);
	double *y = arena_calloc(a, s->n_parameters, sizeof *y);
	struct err e;
	size_t n;

	for (size_t i = 0; i < s->n_parameters; i++)
		u[i] = fmod(where + 0.61803398875 * (double)i, 1);
	space_decode(s->problem.space, u, x);
	const char *json = params_json(s, x, a);
	const cJSON *tree = json_parse(json, strlen(json), 0, a, &e);
	must(tree != NULL && params_load(s, tree, y) && params_equal(s, x, y));

	struct trial_facts t = {.spec = s, .x = x, .name = "e-12345678", .number = 1, .attempt = 1};
	char **words = render_command(&t, a, &n);
	must(words[n] == NULL && n <= s->trial.n_command);
	char **env = render_env(&t, a, &n);
	must(env[n] == NULL && n >= s->trial.n_env);
	must((render_manifest(&t, a) != NULL) == (s->trial.executor == EXECUTOR_KUBERNETES));
}

/* Sent back as a patch, a document changes nothing. */
static void edit(const struct experiment_spec *s, const cJSON *normal, struct arena *a)
{
	struct problems *p = ARENA_NEW(a, struct problems);
	struct spec_edit out;

	problems_init(p, a);
	must(spec_merge_patch(s, normal, a, &out, p));
	must(strcmp(spec_document(out.spec, a), spec_document(s, a)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct err e;
	const cJSON *doc = json_parse((const char *)data, size, SPEC_DOCUMENT_MAX, a, &e);
	const struct experiment_spec *s = doc != NULL ? read(doc, a) : NULL;

	if (s != NULL) {
		const char *text = spec_document(s, a);
		const cJSON *normal = json_parse(text, strlen(text), 0, a, &e);
		must(normal != NULL);
		const struct experiment_spec *again = read(normal, a);
		must(again != NULL && strcmp(spec_document(again, a), text) == 0);
		for (int i = 0; i < 4; i++)
			use(s, 0.27 * i, a);
		edit(s, normal, a);
	}
	arena_free(a);
	return 0;
}
