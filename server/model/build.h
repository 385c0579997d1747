/*
 * From the decoded document to the spec: each build_* function checks one part and fills it in.
 * Private to the room.
 *
 * A part whose fields were not decoded (build_clean() is false) is not looked at again: one mistake
 * makes one problem, and what depends on it is skipped rather than blamed.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/json.h"
#include "lib/problems.h"
#include "server/model/document.h"
#include "server/model/spec.h"

struct render_scope;

struct build {
	struct arena *a;
	struct problems *p;
	struct problems *warnings;      /* never NULL */
	const struct spec_options *opt;
	const struct document *d;
	struct experiment_spec *s;
	struct parameter *parameters;   /* those of s, while they are filled in */
	bool *broken;                   /* parameter i has a problem, or a condition that cannot be judged */
	const char *const *names;       /* of the parameters, NULL-ended */
	int resource;                   /* the parameter that says how far a trial runs, or -1 */
	bool resource_unclear;          /* there is to be one, but it is not known or unfit */
};

/* No problem at this pointer or below it? */
bool build_clean(const struct build *b, const char *pointer);

void build_objectives(struct build *b);
void build_parameters(struct build *b);
void build_conditions(struct build *b);
void build_resource(struct build *b);           /* b->resource; Katib's r_l widens its range */
void build_space(struct build *b);              /* s->problem.space, unless a parameter is broken */
void build_constraints(struct build *b);
void build_algorithm(struct build *b);
void build_fidelity(struct build *b);           /* after the algorithm and its settings, which may be unknown */
void build_early_stopping(struct build *b);     /* s->stopping; after stopWhen */
void build_budget(struct build *b);
void build_initial_trials(struct build *b);
void build_warm_start(struct build *b);
void build_stop_when(struct build *b);
void build_trial(struct build *b);
/* The fields that only Kubernetes has, and what the manifest must be. */
void build_kubernetes(struct build *b, const struct doc_trial *d);
void build_check_manifest_text(struct build *b, const cJSON *manifest, const struct render_scope *scope, bool *used);
enum executor build_executor(const struct build *b);     /* who runs the trials, by what the document says */
void build_notify(struct build *b);

/* Settings read by a table: of an algorithm, or of what has a name and settings like one. */
struct settings {
	struct algo_value *values;      /* a row each */
	const struct setting *given;
	size_t n;
};
struct settings build_settings(
	struct build *b, const struct algorithm *table, const cJSON *object, const char *pointer);

/* What a value is to a parameter (params.c). */
enum value_fault { VALUE_OK, VALUE_TYPE, VALUE_RANGE, VALUE_STEP, VALUE_UNKNOWN };
/* `space` may be NULL as long as there is none; j is the parameter's index in it. */
enum value_fault param_parse(const struct parameter *q, const struct space *space, size_t j, const cJSON *v,
	double *x);
void param_report(const struct parameter *q, enum value_fault fault, const char *given, const char *pointer,
	struct problems *p);
/* A scalar as the text of a choice, in the arena; NULL for anything else. */
const char *scalar_text(const cJSON *v, struct arena *a);
/* The parameter as the algorithms see it, without its conditions. */
struct space_param param_compile(const struct parameter *q, struct arena *a);
