/*
 * A trial's parameters in their three forms: the vector that algorithms use, the typed JSON object
 * that people and the database see, and the text that goes into a command line.
 *
 * The vector has spec->n_parameters elements: double and int as themselves, discrete and
 * categorical as the index of the choice, NaN = inactive. Inactive parameters are absent from the
 * other two forms. Numbers survive every way round.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/problems.h"

struct arena;
struct experiment_spec;
struct json_writer;
struct parameter;

/* One active value, with the JSON type of its parameter. */
void param_write(struct json_writer *w, const char *key, const struct parameter *q, double x);
/* {"lr": 0.01, "layers": 3, "optimizer": "adam"} */
void params_write(struct json_writer *w, const char *key, const struct experiment_spec *s, const double *x);
const char *params_json(const struct experiment_spec *s, const double *x, struct arena *a);

/* Text of parameter i: shortest exact doubles, ints without a point, choices as written. NULL while
 * inactive. Numbers are formatted into `buf`. */
const char *param_text(const struct experiment_spec *s, size_t i, double x, char buf[NUM_MAX]);

/* A user's object into x (n_parameters long): every active parameter must be there, no inactive or
 * unknown one, each of its type, in range and on its step. All problems are added, at
 * pointer + "/" + name; false if there were any. */
bool params_from_json(const struct experiment_spec *s, const cJSON *object, const char *pointer, double *x,
	struct problems *p) MUSTCHECK;
/* The same from "name=value" words of a command line; pointers are "/name". */
bool params_from_words(const struct experiment_spec *s, const char *const *words, size_t n, double *x,
	struct problems *p) MUSTCHECK;
/* What the server itself wrote, read back without complaints: false if it is not the spec's. */
bool params_load(const struct experiment_spec *s, const cJSON *object, double *x) MUSTCHECK;
/* What another experiment tried, as a configuration of this one: by the parameters' names; one that is not
 * given has its middle value, one that only the other has is left out. False: a value lies outside. */
bool params_adopt(const struct experiment_spec *s, const cJSON *object, double *x) MUSTCHECK;
/* Is parameter i active, given the others of x? */
bool param_active(const struct experiment_spec *s, size_t i, const double *x);
/* Same configuration? (NaN equals NaN.) */
bool params_equal(const struct experiment_spec *s, const double *x, const double *y);
