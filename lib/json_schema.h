/*
 * What a table of fields (lib/json_decode.h) says, for people and programs: JSON Schema 2020-12 as
 * OpenAPI 3.1 embeds it, and the reference page in markdown. One truth with the decoder.
 */
#pragma once
#include <stddef.h>

#include "lib/json_decode.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"

/* The schema of one object, sub-tables inlined, as the value of `key`. */
void json_schema_write(struct json_writer *w, const char *key, const struct json_field *fields);
/* A markdown table: field (with dotted path below `prefix`, "" for none), type, limits, default,
 * meaning; sub-tables follow their field. */
void json_schema_markdown(struct strbuf *out, const char *prefix, const struct json_field *fields);
