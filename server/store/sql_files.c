#include "server/store/sql_files.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *sql_setup(const char *name)
{
	char path[64];
	snprintf(path, sizeof path, "sql/setup/%s.sql", name);
	for (const struct sql_file *f = sql_files; f->name; f++) {
		if (strcmp(f->name, path) == 0)
			return f->text;
	}
	assert(!"there is no such file in sql/setup");
	return "";
}
