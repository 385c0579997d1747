/*
 * One way to fail.
 *
 * A function that can fail returns bool, is MUSTCHECK, and fills a struct err once, at the
 * source: `return err_set(e, ERR_CONFLICT, "trial %d is %s", ...)`. Callers pass it up
 * unchanged. assert() is for our bugs, struct err for the world. The table gives each kind its
 * HTTP status and its RFC 9457 type; clients see /problems/<type>.
 */
#pragma once
#include <stdbool.h>

#include "lib/attr.h"

#define ERR_MAP(X)                                                                       \
	X(ERR_OK,              200, "ok",                     "No error")                    \
	X(ERR_MALFORMED,       400, "malformed",              "The request cannot be read")  \
	X(ERR_UNAUTHENTICATED, 401, "unauthenticated",        "A valid token is needed")     \
	X(ERR_FORBIDDEN,       403, "forbidden",              "The token lacks the right")   \
	X(ERR_NOT_FOUND,       404, "not-found",              "There is no such resource")   \
	X(ERR_METHOD,          405, "method-not-allowed",     "The resource has no such method") \
	X(ERR_TOO_SLOW,        408, "request-timeout",        "The request did not arrive in time") \
	X(ERR_EXISTS,          409, "already-exists",         "The name is taken")           \
	X(ERR_CONFLICT,        409, "conflict",               "The resource has another value") \
	X(ERR_WRONG_STATE,     409, "wrong-state",            "The resource's state forbids it") \
	X(ERR_GONE,            410, "gone",                   "The resource was deleted")    \
	X(ERR_STALE,           412, "stale",                  "The resource has changed since") \
	X(ERR_TOO_LARGE,       413, "too-large",              "The request is too large")    \
	X(ERR_MEDIA_TYPE,      415, "media-type",             "The content type is not supported") \
	X(ERR_INVALID,         422, "invalid",                "The document has errors")     \
	X(ERR_KEY_REUSED,      422, "idempotency-key-reused", "The key was used for another request") \
	X(ERR_SLOW_DOWN,       429, "slow-down",              "Too many requests")           \
	X(ERR_INTERNAL,        500, "internal",               "A defect in trimtab")         \
	X(ERR_UNAVAILABLE,     503, "unavailable",            "A service trimtab needs does not answer") \
	X(ERR_TIMEOUT,         504, "timeout",                "It took too long")

enum err_code {
#define X(code, status, type, title) code,
	ERR_MAP(X)
#undef X
};

struct err {
	enum err_code code;
	char detail[400];       /* a sentence: the field, the value, the rule, the next step   */
	const char *where;      /* file:line of the source, for the log                        */
};

int err_status(enum err_code code);              /* HTTP status                              */
const char *err_type(enum err_code code);        /* "already-exists"                         */
const char *err_title(enum err_code code);

/* Fills *e (ignored when NULL) and returns false, so that `return err_set(...)` reads well. */
bool err_set_at(struct err *e, const char *where, enum err_code code, const char *fmt, ...) PRINTF(4, 5);
#define ERR_STR_(x) #x
#define ERR_STR(x) ERR_STR_(x)
/* That it is always false the compiler must see, or it warns of what only success initialises. */
static inline bool err_false(bool is_false)
{
	(void)is_false;
	return false;
}
#define err_set(e, ...) err_false(err_set_at((e), __FILE__ ":" ERR_STR(__LINE__), __VA_ARGS__))
