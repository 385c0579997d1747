/* What the scalars of YAML say: the plain ones by the core schema, the single-quoted ones by their
 * source. The rest of the reader is lib/yaml.c. */
#pragma once
#include <stddef.h>

struct strbuf;

enum yaml_plain {
	YAML_PLAIN_TEXT = 0,
	YAML_PLAIN_NULL,
	YAML_PLAIN_TRUE,
	YAML_PLAIN_FALSE,
	YAML_PLAIN_NUMBER,      /* in *number                                                        */
	YAML_PLAIN_TOO_LARGE,   /* a number, but not one that a double can hold                      */
	YAML_PLAIN_ENDLESS,     /* .inf, -.inf, .nan: no number that JSON could say                  */
};

/* s has n bytes and a NUL. */
enum yaml_plain yaml_plain(const char *s, size_t n, double *number);

/* Adds what stands between single quotes, from p to end: '' is a quote, line breaks are folded. */
void yaml_unquote(const char *p, const char *end, struct strbuf *out);
