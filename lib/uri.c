#include "lib/uri.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "lib/utf8.h"

static bool is_plain_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7F)
			return false;
	return true;
}

/* "host", "host:port", "[::1]:port". */
static bool split_host(const char *s, struct arena *a, struct uri *out, struct err *e)
{
	const char *end = *s == '[' ? strchr(s, ']') : s + strcspn(s, ":"), *port;
	int64_t number;

	if (!end)
		return err_set(e, ERR_MALFORMED, "the address '%.80s' lacks its closing bracket", s);
	out->host =
		*s == '[' ? arena_strndup(a, s + 1, (size_t)(end - s - 1)) : arena_strndup(a, s, (size_t)(end - s));
	port = *s == '[' ? end + 1 : end;
	if (*port == '\0')
		return true;
	if (*port != ':' || !num_parse_i64(port + 1, strlen(port + 1), &number) || number < 1 || number > 65535)
		return err_set(e, ERR_MALFORMED, "'%.80s' has no valid port: a number from 1 to 65535", s);
	out->port = (int)number;
	return true;
}

/* "user@host:port" */
static bool split_authority(const char *s, struct arena *a, struct uri *out, struct err *e)
{
	const char *at = strrchr(s, '@');

	if (at) {
		out->userinfo = arena_strndup(a, s, (size_t)(at - s));
		s = at + 1;
	}
	if (!split_host(s, a, out, e))
		return false;
	if (out->host[0] == '\0')
		return err_set(e, ERR_MALFORMED, "the URL names no host");
	return true;
}

/* The scheme and the "://" after it, if s begins with one. */
static const char *split_scheme(const char *s, struct arena *a, struct uri *out)
{
	size_t n = 0;
	char *scheme;

	while (isalnum((unsigned char)s[n]) || (n > 0 && s[n] != '\0' && strchr("+-.", s[n])))
		n++;
	if (n == 0 || !isalpha((unsigned char)s[0]) || strncmp(s + n, "://", 3) != 0)
		return s;
	scheme = arena_strndup(a, s, n);
	for (char *c = scheme; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	out->scheme = scheme;
	return s + n + 3;
}

bool uri_split(const char *s, struct arena *a, struct uri *out, struct err *e)
{
	const char *rest, *mark;
	size_t n;

	*out = (struct uri){.scheme = "", .userinfo = "", .host = ""};
	if (!is_plain_text(s))
		return err_set(e, ERR_MALFORMED, "a URL cannot contain spaces or control characters");
	rest = split_scheme(s, a, out);
	if (rest != s) {
		n = strcspn(rest, "/?#");
		if (!split_authority(arena_strndup(a, rest, n), a, out, e))
			return false;
		rest += n;
	}
	n = strcspn(rest, "#");
	mark = memchr(rest, '?', n);
	out->path = arena_strndup(a, rest, mark ? (size_t)(mark - rest) : n);
	if (mark)
		out->query = arena_strndup(a, mark + 1, n - (size_t)(mark + 1 - rest));
	return true;
}

const char *uri_decode(const char *s, size_t n, bool plus, struct arena *a, struct err *e)
{
	char *out = arena_alloc(a, n + 1);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c == '%') {
			int high = i + 2 < n ? num_hex_digit(s[i + 1]) : -1,
				low = high < 0 ? -1 : num_hex_digit(s[i + 2]);

			if (low < 0) {
				err_set(e, ERR_MALFORMED, "'%%' in a URL must be followed by two hexadecimal digits");
				return NULL;
			}
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		out[len++] = c;
	}
	out[len] = '\0';
	if (!utf8_valid(out, len)) {
		err_set(e, ERR_MALFORMED, "the URL decodes to bytes that are not UTF-8 text");
		return NULL;
	}
	return out;
}

static size_t count_pairs(const char *query)
{
	size_t n = 0;

	while (*query) {
		size_t len = strcspn(query, "&");

		n += len > 0;
		query += len + (query[len] == '&');
	}
	return n;
}

bool uri_parse_query(const char *query, struct arena *a, struct uri_query *out, struct err *e)
{
	*out = (struct uri_query){0};
	if (!query)
		return true;
	out->pairs = ARENA_NEW_N(a, struct uri_pair, count_pairs(query));
	while (*query) {
		size_t len = strcspn(query, "&"), name = strcspn(query, "=&");
		struct uri_pair *pair = &out->pairs[out->n];

		if (len > 0) {
			pair->name = uri_decode(query, name, true, a, e);
			pair->value = name < len ? uri_decode(query + name + 1, len - name - 1, true, a, e) : "";
			if (!pair->name || !pair->value)
				return false;
			out->n++;
		}
		query += len + (query[len] == '&');
	}
	return true;
}

const char *uri_query_get(const struct uri_query *q, const char *name)
{
	for (size_t i = 0; i < q->n; i++)
		if (strcmp(q->pairs[i].name, name) == 0)
			return q->pairs[i].value;
	return NULL;
}

void uri_encode(struct strbuf *out, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
			strbuf_putc(out, *s);
		else
			strbuf_printf(out, "%%%02X", c);
	}
}

const char *uri_join(struct arena *a, const char *base, ...)
{
	size_t n = strlen(base);
	const char *segment, *joined;
	struct strbuf b;
	va_list ap;

	strbuf_init(&b, SIZE_MAX);
	while (n > 0 && base[n - 1] == '/')
		n--;
	strbuf_add(&b, base, n);
	va_start(ap, base);
	while ((segment = va_arg(ap, const char *)) != NULL) {
		strbuf_putc(&b, '/');
		uri_encode(&b, segment);
	}
	va_end(ap);
	joined = arena_dup(a, b.data, b.len + 1);
	strbuf_free(&b);
	return joined;
}
