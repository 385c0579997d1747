/*
 * Files and folders, whole: read with a ceiling, written so that a crash leaves the old or the new
 * contents, made and removed with all that is in them. Synchronous: for start-up, for the command
 * line, for small files; never for the loop's hot paths.
 *
 * Errors say the path and the system's reason; ERR_NOT_FOUND if it does not exist, ERR_TOO_LARGE
 * past the ceiling, ERR_FORBIDDEN without the right, else ERR_UNAVAILABLE.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/attr.h"

struct arena;
struct err;
struct strbuf;

/* The contents, NUL-terminated (the NUL not counted in *n), in the arena. "-" is standard input. */
char *file_read(const char *path, size_t max, struct arena *a, size_t *n, struct err *e) MUSTCHECK;
/* Through a temporary file beside it, fsync and rename. */
bool file_write(const char *path, const void *p, size_t n, mode_t mode, struct err *e) MUSTCHECK;
bool file_exists(const char *path);
bool file_mkdirs(const char *path, mode_t mode, struct err *e) MUSTCHECK;   /* as mkdir -p       */
bool file_remove_tree(const char *path, struct err *e) MUSTCHECK;           /* as rm -rf; no link is followed */

const char *file_join(struct arena *a, const char *folder, const char *name);

/* XDG base directories with "trimtab" below, from the environment or $HOME or the user's entry. */
enum file_home { FILE_HOME_CONFIG, FILE_HOME_DATA, FILE_HOME_STATE, FILE_HOME_CACHE };
const char *file_home(enum file_home which, struct arena *a);
