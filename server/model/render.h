/*
 * A trial template and a trial's parameters become what is run.
 *
 * Placeholders, in command, env, workingDirectory, metrics.path and every string of a manifest:
 *     ${lr}                       the parameter's text; empty while it is inactive
 *     ${trial.name}  ${trial.number}  ${trial.attempt}  ${trial.seed}
 *     ${trial.namespace}          where it runs: the template's namespace, or the experiment's
 *     ${experiment.name}  ${experiment.namespace}
 *     ${budget.steps}             what the search grants this trial; empty without
 *     $${                         a literal ${
 * and as Katib writes them:
 *     ${trialParameters.x}        a name of the template's own list, which leads to a parameter or to
 *                                 one of the next; without a list the parameter x
 *     ${trialSpec.Name}  .Namespace  .Kind  .APIVersion  .Labels[key]  .Annotations[key]
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
struct template_alias;

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
/* The object to create on Kubernetes: the template's manifest with everything substituted, or the Job that
 * is meant by image and command. NULL for other executors. */
const cJSON *render_manifest(const struct trial_facts *t, struct arena *a);

/* The spec of the PersistentVolumeClaim that is made for the experiment; NULL if none is. */
const cJSON *render_claim(const struct experiment_spec *s, struct arena *a);

/* Names that belong to the trial's environment and that no template may set. */
bool env_name_reserved(const char *name);

/* What placeholders may name. */
struct render_scope {
	const char *const *names;       /* the parameters', NULL-ended */
	const cJSON *manifest;          /* or NULL */
	const struct template_alias *aliases;
	size_t n_aliases;
	bool *aliases_used;             /* or NULL: set for each alias that occurs */
};
struct render_scope render_scope_of(const struct experiment_spec *s);

/* Checks the placeholders of one string: unknown names become problems with "did you mean" at
 * `pointer`; used[i] is set for each parameter that occurs. Without p it only tells whether all is well. */
bool render_check(const char *text, const struct render_scope *scope, bool *used, const char *pointer,
	struct problems *p);
