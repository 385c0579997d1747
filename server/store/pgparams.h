/*
 * A connection string taken apart into libpq's keywords and values, with our defaults, and with the
 * addresses of its hosts filled in where they are names.
 */
#pragma once
#include <stdbool.h>

#include "lib/err.h"

struct arena;

enum { PG_PARAMS_MAX = 64 };

struct pg_params {
	struct arena *arena;                    /* owned */
	const char *keywords[PG_PARAMS_MAX + 1], *values[PG_PARAMS_MAX + 1];
	int n;
};

bool pg_params_parse(struct pg_params *p, const char *conninfo, const char *application, struct err *e) MUSTCHECK;
void pg_params_free(struct pg_params *p);
const char *pg_params_get(const struct pg_params *p, const char *keyword);      /* or NULL */
bool pg_params_need_resolving(const struct pg_params *p);
/* Blocks in getaddrinfo: fills hostaddr, repeating host and port for each address of a name. */
bool pg_params_resolve(struct pg_params *p, struct err *e) MUSTCHECK;
