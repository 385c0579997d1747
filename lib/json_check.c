#include "lib/json_check.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/json_keys.h"
#include "lib/num.h"
#include "lib/utf8.h"

struct check {
	const char *text, *p, *end; /* p: the next byte to look at */
	struct err *e;
	unsigned depth;
	size_t values;
	struct json_keys keys;
};

static bool check_value(struct check *c);

static bool fail(struct check *c, const char *at, const char *rule)
{
	size_t line = 1, column = 1;

	for (const char *q = c->text; q < at; q++) {
		if (*q == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)*q & 0xC0) != 0x80) {
			column++;
		}
	}
	return err_set(c->e, ERR_MALFORMED, "not JSON: line %zu, column %zu: %s", line, column, rule);
}

static void skip_space(struct check *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t' || *c->p == '\r'))
		c->p++;
}

/* Consumes `ch` and the space before it. */
static bool take(struct check *c, char ch)
{
	skip_space(c);
	if (c->p == c->end || *c->p != ch)
		return false;
	c->p++;
	return true;
}

static size_t digits(struct check *c)
{
	const char *from = c->p;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return (size_t)(c->p - from);
}

static bool check_number(struct check *c)
{
	const char *from = c->p;
	bool exponent = false;
	double v;

	c->p += *c->p == '-';
	if (c->p < c->end && *c->p == '0') {
		c->p++;
		if (digits(c) > 0)
			return fail(c, from, "a number cannot begin with 0 and another digit");
	} else if (digits(c) == 0) {
		return fail(c, from, "a minus sign needs a digit after it");
	}
	if (c->p < c->end && *c->p == '.') {
		c->p++;
		if (digits(c) == 0)
			return fail(c, from, "a decimal point needs a digit after it");
	}
	if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
		c->p++;
		c->p += c->p < c->end && (*c->p == '+' || *c->p == '-');
		if (digits(c) == 0)
			return fail(c, from, "an exponent needs a digit");
		exponent = true;
	}
	if (c->p - from > JSON_NUMBER_MAX)
		return fail(c, from, "a number may have at most 63 characters");
	if (exponent && !num_parse(from, (size_t)(c->p - from), false, &v))
		return fail(c, from, "the number is too large for a double");
	return true;
}

/* The code unit of "\uXXXX" at p, or -1. */
static int32_t unicode_escape(const char *p, const char *end)
{
	int32_t unit = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = num_hex_digit(p[i]);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static bool is_high(int32_t unit)
{
	return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low(int32_t unit)
{
	return unit >= 0xDC00 && unit <= 0xDFFF;
}

static bool check_escape(struct check *c)
{
	int32_t unit;

	if (c->end - c->p >= 2 && c->p[1] != '\0' && strchr("\"\\/bfnrt", c->p[1])) {
		c->p += 2;
		return true;
	}
	unit = unicode_escape(c->p, c->end);
	if (unit < 0)
		return fail(c, c->p, "a backslash must be followed by one of \" \\ / b f n r t or uXXXX");
	if (unit == 0)
		return fail(c, c->p, "\\u0000 is not allowed in a string");
	if (is_low(unit) || (is_high(unit) && !is_low(unicode_escape(c->p + 6, c->end))))
		return fail(c, c->p, "half of a surrogate pair stands alone");
	c->p += is_high(unit) ? 12 : 6;
	return true;
}

/* p is at the opening quote; *escaped tells whether there is any backslash. */
static bool check_string(struct check *c, bool *escaped)
{
	const char *from = c->p++;

	*escaped = false;
	for (;;) {
		while (c->p < c->end && *c->p != '"' && *c->p != '\\' && (unsigned char)*c->p >= 0x20)
			c->p++;
		if (c->p == c->end)
			return fail(c, from, "the string is not closed");
		if (*c->p == '"')
			break;
		if (*c->p != '\\')
			return fail(c, c->p, "a control character in a string must be escaped");
		*escaped = true;
		if (!check_escape(c))
			return false;
	}
	c->p++;
	return true;
}

static size_t put_utf8(char *out, uint32_t u)
{
	if (u < 0x80) {
		out[0] = (char)u;
		return 1;
	}
	if (u < 0x800) {
		out[0] = (char)(0xC0 | u >> 6);
		out[1] = (char)(0x80 | (u & 0x3F));
		return 2;
	}
	if (u < 0x10000) {
		out[0] = (char)(0xE0 | u >> 12);
		out[1] = (char)(0x80 | (u >> 6 & 0x3F));
		out[2] = (char)(0x80 | (u & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | u >> 18);
	out[1] = (char)(0x80 | (u >> 12 & 0x3F));
	out[2] = (char)(0x80 | (u >> 6 & 0x3F));
	out[3] = (char)(0x80 | (u & 0x3F));
	return 4;
}

/* Resolves the escapes of a string that has been checked; the result is never longer. */
static size_t unescape(const char *s, size_t n, char *out)
{
	static const char meaning[128] = {
		['"'] = '"',
		['\\'] = '\\',
		['/'] = '/',
		['b'] = '\b',
		['f'] = '\f',
		['n'] = '\n',
		['r'] = '\r',
		['t'] = '\t',
	};
	const char *end = s + n;
	size_t len = 0;

	while (s < end) {
		if (*s != '\\') {
			out[len++] = *s++;
		} else if (s[1] != 'u') {
			out[len++] = meaning[s[1] & 0x7F];
			s += 2;
		} else {
			uint32_t u = (uint32_t)unicode_escape(s, end);

			s += 6;
			if (is_high((int32_t)u)) {
				u = 0x10000 + ((u - 0xD800) << 10) + (uint32_t)unicode_escape(s, end) - 0xDC00;
				s += 6;
			}
			len += put_utf8(out + len, u);
		}
	}
	return len;
}

static void push_key(struct check *c, const char *at, bool escaped)
{
	struct json_key k = {.s = at + 1, .n = (size_t)(c->p - at - 2), .at = at};

	if (escaped) {
		char *plain = arena_alloc(c->keys.arena, k.n);

		k.n = unescape(k.s, k.n, plain);
		k.s = plain;
	}
	json_keys_push(&c->keys, k);
}

static bool check_member(struct check *c)
{
	const char *at;
	bool escaped;

	skip_space(c);
	at = c->p;
	if (c->p == c->end || *c->p != '"')
		return fail(c, at, "expected a name in double quotes");
	if (!check_string(c, &escaped))
		return false;
	push_key(c, at, escaped);
	if (!take(c, ':'))
		return fail(c, c->p, "expected a colon after the name");
	return check_value(c);
}

static bool check_object(struct check *c)
{
	size_t mark = c->keys.n;
	const struct json_key *twice;

	c->p++;
	if (take(c, '}'))
		return true;
	do {
		if (!check_member(c))
			return false;
	} while (take(c, ','));
	if (!take(c, '}'))
		return fail(c, c->p, "expected a comma or the object's closing brace");
	twice = json_keys_close(&c->keys, mark);
	return !twice || fail(c, twice->at, "the name occurs twice in its object");
}

static bool check_array(struct check *c)
{
	c->p++;
	if (take(c, ']'))
		return true;
	do {
		if (!check_value(c))
			return false;
	} while (take(c, ','));
	if (!take(c, ']'))
		return fail(c, c->p, "expected a comma or the array's closing bracket");
	return true;
}

static bool check_word(struct check *c, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
		return fail(c, c->p, "expected a value; names and text need double quotes");
	c->p += n;
	return true;
}

static bool check_nested(struct check *c)
{
	bool ok;

	if (c->depth == JSON_DEPTH_MAX)
		return fail(c, c->p, "nested deeper than 64 levels");
	c->depth++;
	ok = *c->p == '{' ? check_object(c) : check_array(c);
	c->depth--;
	return ok;
}

static bool check_value(struct check *c)
{
	bool escaped;

	skip_space(c);
	if (c->p == c->end)
		return fail(c, c->p, "the text ends where a value is expected");
	if (++c->values > JSON_VALUES_MAX)
		return fail(c, c->p, "more than 1000000 values");
	switch (*c->p) {
	case '{':
	case '[':
		return check_nested(c);
	case '"':
		return check_string(c, &escaped);
	case 't':
		return check_word(c, "true");
	case 'f':
		return check_word(c, "false");
	case 'n':
		return check_word(c, "null");
	case '-':
	case '0' ... '9':
		return check_number(c);
	default:
		return fail(c, c->p, "expected a value; names and text need double quotes");
	}
}

bool json_check(const char *text, size_t n, struct arena *scratch, struct err *e)
{
	struct json_key inline_keys[48];
	struct check c = {.text = text, .p = text, .end = text + n, .e = e};
	size_t bad = utf8_check(text, n);

	c.keys = (struct json_keys){.arena = scratch, .items = inline_keys, .cap = ARRAY_LEN(inline_keys)};
	if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		return fail(&c, text, "a byte order mark is not allowed");
	if (bad < n)
		return fail(&c, text + bad, text[bad] ? "the bytes are not UTF-8" : "a NUL byte");
	if (!check_value(&c))
		return false;
	skip_space(&c);
	if (c.p < c.end)
		return fail(&c, c.p, "text follows the end of the value");
	assert(c.depth == 0 && c.keys.n == 0);
	return true;
}
