#include "lib/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/utf8.h"

static const struct {
	int status;
	const char *type, *title;
} kinds[] = {
#define X(code, status, type, title) [code] = {status, type, title},
	ERR_MAP(X)
#undef X
};

int err_status(enum err_code code)
{
	assert(code < ARRAY_LEN(kinds));
	return kinds[code].status;
}

const char *err_type(enum err_code code)
{
	assert(code < ARRAY_LEN(kinds));
	return kinds[code].type;
}

const char *err_title(enum err_code code)
{
	assert(code < ARRAY_LEN(kinds));
	return kinds[code].title;
}

bool err_set_at(struct err *e, const char *where, enum err_code code, const char *fmt, ...)
{
	va_list ap;
	int n;

	assert(code != ERR_OK);
	if (!e)
		return false;
	e->code = code;
	e->where = where;
	va_start(ap, fmt);
	n = vsnprintf(e->detail, sizeof e->detail, fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof e->detail) /* a character cut in half would spoil the answer */
		e->detail[utf8_check(e->detail, strlen(e->detail))] = '\0';
	return false;
}
