/*
 * A search space as flags: --lr=log:1e-5..1e-1 --layers=1..6 --opt=sgd,adam --drop=0..0.5:0.1
 *
 *     1..6              int, both ends included
 *     0..0.5            double
 *     log:1e-5..1e-1    on a logarithmic scale
 *     0..0.5:0.1        in steps
 *     int:, double:     in front where the spelling says otherwise
 *     sgd,adam          one of these words
 *     16,32,64          one of these numbers
 */
#pragma once
#include <stdbool.h>

#include "lib/attr.h"
#include "lib/err.h"

struct arena;
struct json_writer;

/* Does it look like one at all? A flag that was merely misspelt does not. */
bool space_flag_is(const char *text);
/* Writes one entry of spec.parameters. */
bool space_flag_write(struct json_writer *w, struct arena *a, const char *name, const char *text, struct err *e) MUSTCHECK;
