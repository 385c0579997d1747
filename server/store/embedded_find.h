/* Where PostgreSQL's programs are, in a version that fits the data. For embedded.c only. */
#pragma once
#include <stdbool.h>

#include "lib/attr.h"
#include "lib/err.h"

struct arena;

enum { EMBEDDED_OLDEST = 15 };

/* The major version that a data folder belongs to, 0 if it holds no cluster. */
int embedded_data_version(const char *dir);
/* The folder of initdb and postgres: `given`, or the newest of at least EMBEDDED_OLDEST; with `major` > 0
 * only of that version. NULL with one clear sentence. */
const char *embedded_find(const char *given, int major, const char *dir, struct arena *a, struct err *e) MUSTCHECK;
