/*
 * YAML in (and out), as the same trees as JSON.
 *
 * YAML 1.2 with the core schema, through libfyaml. Plain scalars mean:
 *
 *     null ~ Null NULL and nothing      null
 *     true True TRUE, false ...         booleans (yes, no, on, off are strings)
 *     12 -3 0o17 0x10                   integers
 *     0.1 .5 1e-5                       numbers; one too large for a double is refused
 *     .nan .inf -.inf                   refused: quote them
 *     all the rest, and all in quotes   strings
 *
 * Tags !!str !!int !!float !!bool !!null !!map !!seq are obeyed, others refused. Anchors and aliases
 * work; what they expand to counts against YAML_VALUES_MAX. Refused: duplicate keys, keys that are
 * not scalars, merge keys (<<), an alias inside its own anchor, nesting below JSON_DEPTH_MAX. Keys
 * are always strings. Trees live in the arena.
 */
#pragma once
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"

struct arena;
struct err;
struct strbuf;

enum { YAML_VALUES_MAX = 200000 };

/* One document. ERR_MALFORMED with line and column, or ERR_TOO_LARGE past max bytes (0: no limit). */
const cJSON *yaml_parse(const char *text, size_t n, size_t max, struct arena *a, struct err *e) MUSTCHECK;

/* A stream of documents separated by ---; empty ones are left out. */
struct yaml_docs { const cJSON **items; size_t n; };
bool yaml_parse_all(const char *text, size_t n, size_t max, struct arena *a, struct yaml_docs *out,
	struct err *e) MUSTCHECK;

/* Adds v in block style; reads back as an equal tree. */
void yaml_write(struct strbuf *out, const cJSON *v);
