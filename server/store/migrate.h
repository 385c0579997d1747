/*
 * The schema, brought up to date before the loop starts; blocking.
 *
 * sql/migrations/NNNN_name.sql are embedded, run in order, each in one transaction, under an advisory
 * lock, and remembered with their checksums in core_migrations. A database that has a newer migration
 * than this program, or one whose text has changed, is refused with a sentence that says what to do.
 * sql/public (the views people query) is created again whenever its text has changed.
 */
#pragma once
#include <stdbool.h>

#include "lib/err.h"

bool migrate_run(const char *conninfo, struct err *e) MUSTCHECK;
int migrate_latest(void);       /* the number of the newest migration in this program */
