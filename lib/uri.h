/*
 * URLs: split into parts, percent-decoded, built. RFC 3986 as far as HTTP needs it.
 *
 * What is decoded is checked: malformed escapes, NUL and anything that is not UTF-8 are refused.
 * All results live in the arena.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"

struct arena;
struct err;
struct strbuf;

struct uri {
	const char *scheme;     /* lower case; "" if there is none                                   */
	const char *userinfo;   /* "user:password", still encoded; "" if there is none               */
	const char *host;       /* "" if there is none; without the brackets of an IPv6 address      */
	int port;               /* 0 if there is none                                                */
	const char *path;       /* still encoded, without query                                      */
	const char *query;      /* still encoded, without the question mark; NULL if there is none   */
};

/* "http://host:8746/base?x", or a request target: "/path?query". A fragment is dropped. */
bool uri_split(const char *s, struct arena *a, struct uri *out, struct err *e) MUSTCHECK;

/* n bytes of one path segment or one query component decoded; NULL with ERR_MALFORMED. In a query
 * (`plus` set) a + is a space. */
const char *uri_decode(const char *s, size_t n, bool plus, struct arena *a, struct err *e) MUSTCHECK;

struct uri_pair { const char *name, *value; };
struct uri_query { struct uri_pair *pairs; size_t n; };
/* "a=1&b=x%20y&flag" (NULL is as good as empty): decoded, in order, a value may be "". */
bool uri_parse_query(const char *query, struct arena *a, struct uri_query *out, struct err *e) MUSTCHECK;
const char *uri_query_get(const struct uri_query *q, const char *name);     /* the first, or NULL */

/* Adds s with everything but letters, digits and -._~ escaped. */
void uri_encode(struct strbuf *out, const char *s);
/* base without its trailing slashes, then "/" and each encoded segment up to NULL. */
const char *uri_join(struct arena *a, const char *base, ...) __attribute__((sentinel));
