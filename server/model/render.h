/*
 * A trial template and a trial's parameters become what is run.
 *
 * Placeholders, in command, env, workingDirectory, metrics.path and every string of a manifest:
 *     ${lr}                       the parameter's text; empty while it is inactive
 *     ${trial.name}  ${trial.number}  ${trial.attempt}  ${trial.seed}
 *     ${experiment.name}  ${experiment.namespace}
 *     ${budget.steps}             what the search grants this trial; empty without
 *     $${                         a literal ${
 * Any other $ is itself. A command word that is nothing but the placeholder of an inactive
 * parameter, or "…=${x}" of one, is left out, so that conditional options vanish; the same holds for
 * items and fields of a manifest.
 *
 * In a manifest a string that is exactly one parameter's placeholder takes the parameter's JSON
 * type, except where Kubernetes wants strings: in a list of strings (command, args), under the key
 * "value" (env) and in labels, annotations, data and the like.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/json.h"
#include "lib/problems.h"

struct arena;
struct experiment_spec;

struct trial_facts {
	const struct experiment_spec *spec;
	const double *x;                /* spec->n_parameters */
	const char *name;
	int64_t number, attempt, seed;
	int64_t budget_steps;           /* 0 = none granted */
	int64_t parent;                 /* number of the trial whose checkpoint it continues; 0 = none */
	/* Of the environment only; each may be NULL and is then left out. */
	const char *trial_url;          /* http://…/trials/17 */
	const char *token;
	const char *params_file;        /* holds the JSON where it is too long for a variable */
	const char *checkpoint_dir, *stop_file, *spool;
};

/* One string. In the arena. */
const char *render_text(const struct trial_facts *t, const char *text, struct arena *a);
/* The command, NULL-ended, with empty optional words left out. */
char **render_command(const struct trial_facts *t, struct arena *a, size_t *n);
/* The trial's variables (TRIMTAB_*, KATIB_TRIAL_NAME) and then the template's own, which never have
 * these names; each "NAME=value", NULL-ended. */
char **render_env(const struct trial_facts *t, struct arena *a, size_t *n);
/* A copy of the template's manifest with everything substituted. NULL without a manifest. */
const cJSON *render_manifest(const struct trial_facts *t, struct arena *a);

/* Names that belong to the trial's environment and that no template may set. */
bool env_name_reserved(const char *name);

/* Checks the placeholders of one string: unknown names become problems with "did you mean" at
 * `pointer`; used[i] is set for each parameter that occurs. `names` are the parameters', NULL-ended.
 * Without p it only tells whether all is well. */
bool render_check(const char *text, const char *const *names, bool *used, const char *pointer,
	struct problems *p);
