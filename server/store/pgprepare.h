/*
 * Preparing: all statements are prepared and described in one pipeline, each with its own Sync so that
 * one that fails does not take the others along, and what the server says of them is compared with
 * their declarations. Then the session's settings are made.
 */
#pragma once
#include <libpq-fe.h>
#include <stdbool.h>

#include "lib/err.h"

struct pg_prepare {
	unsigned step;                  /* Syncs received                                            */
	struct err mismatch;            /* the first                                                 */
	unsigned mismatches;
};

enum pg_prepare_result { PG_PREPARE_MORE, PG_PREPARE_DONE, PG_PREPARE_LOST, PG_PREPARE_MISMATCH };

bool pg_prepare_send(struct pg_prepare *p, PGconn *c) MUSTCHECK;
enum pg_prepare_result pg_prepare_read(struct pg_prepare *p, PGconn *c, struct err *e);
