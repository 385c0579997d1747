/* The texts of sql/setup, sql/migrations and sql/public, embedded; the last name is NULL. */
#pragma once

struct sql_file { const char *name, *text; };
extern const struct sql_file sql_files[];

/* The text of sql/setup/<name>.sql. */
const char *sql_setup(const char *name);
