#include "lib/json_read.h"

#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/json_keys.h"
#include "lib/num.h"
#include "lib/utf8.h"

struct reader {
	const char *text, *p, *end; /* p: the next byte to look at */
	struct arena *arena;
	struct err *e;
	unsigned depth;
	size_t values;
	struct json_keys keys;
};

static bool read_value(struct reader *r, cJSON *out);

static bool fail(struct reader *r, const char *at, const char *rule)
{
	size_t line = 1, column = 1;

	for (const char *q = r->text; q < at; q++) {
		if (*q == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)*q & 0xC0) != 0x80) {
			column++;
		}
	}
	return err_set(r->e, ERR_MALFORMED, "not JSON: line %zu, column %zu: %s", line, column, rule);
}

static void skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
		r->p++;
}

/* Consumes `ch` and the space before it. */
static bool take(struct reader *r, char ch)
{
	skip_space(r);
	if (r->p == r->end || *r->p != ch)
		return false;
	r->p++;
	return true;
}

static size_t digits(struct reader *r)
{
	const char *from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return (size_t)(r->p - from);
}

/* As cJSON has it: the nearest int beside the double. */
static void set_number(cJSON *out, double v)
{
	out->type = cJSON_Number;
	out->valuedouble = v;
	out->valueint = v >= INT_MAX ? INT_MAX : v <= INT_MIN ? INT_MIN : (int)v;
}

static bool read_number(struct reader *r, cJSON *out)
{
	const char *from = r->p;
	double v;

	r->p += *r->p == '-';
	if (r->p < r->end && *r->p == '0') {
		r->p++;
		if (digits(r) > 0)
			return fail(r, from, "a number cannot begin with 0 and another digit");
	} else if (digits(r) == 0) {
		return fail(r, from, "a minus sign needs a digit after it");
	}
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		if (digits(r) == 0)
			return fail(r, from, "a decimal point needs a digit after it");
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		r->p++;
		r->p += r->p < r->end && (*r->p == '+' || *r->p == '-');
		if (digits(r) == 0)
			return fail(r, from, "an exponent needs a digit");
	}
	if (r->p - from > JSON_NUMBER_MAX)
		return fail(r, from, "a number may have at most 63 characters");
	if (!num_parse(from, (size_t)(r->p - from), false, &v))
		return fail(r, from, "the number is too large for a double");
	set_number(out, v);
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

static bool read_escape(struct reader *r)
{
	int32_t unit;

	if (r->end - r->p >= 2 && r->p[1] != '\0' && strchr("\"\\/bfnrt", r->p[1])) {
		r->p += 2;
		return true;
	}
	unit = unicode_escape(r->p, r->end);
	if (unit < 0)
		return fail(r, r->p, "a backslash must be followed by one of \" \\ / b f n r t or uXXXX");
	if (unit == 0)
		return fail(r, r->p, "\\u0000 is not allowed in a string");
	if (is_low(unit) || (is_high(unit) && !is_low(unicode_escape(r->p + 6, r->end))))
		return fail(r, r->p, "half of a surrogate pair stands alone");
	r->p += is_high(unit) ? 12 : 6;
	return true;
}

/* p is at the opening quote and then behind the closing one; *escaped: there is a backslash. */
static bool skip_string(struct reader *r, bool *escaped)
{
	const char *from = r->p++;

	*escaped = false;
	for (;;) {
		while (r->p < r->end && *r->p != '"' && *r->p != '\\' && (unsigned char)*r->p >= 0x20)
			r->p++;
		if (r->p == r->end)
			return fail(r, from, "the string is not closed");
		if (*r->p == '"')
			break;
		if (*r->p != '\\')
			return fail(r, r->p, "a control character in a string must be escaped");
		*escaped = true;
		if (!read_escape(r))
			return false;
	}
	r->p++;
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

/* The string at p, which is at its opening quote. */
static char *read_string(struct reader *r, size_t *n)
{
	const char *from = r->p + 1;
	bool escaped;

	if (!skip_string(r, &escaped))
		return NULL;
	*n = (size_t)(r->p - 1 - from);
	char *s = arena_alloc(r->arena, *n + 1);
	if (escaped)
		*n = unescape(from, *n, s);
	else
		memcpy(s, from, *n);
	s[*n] = '\0';
	return s;
}

/* Adds an empty node behind `last`; cJSON's first node knows the last one. */
static cJSON *add_child(struct reader *r, cJSON *parent, cJSON *last)
{
	cJSON *child = ARENA_NEW(r->arena, cJSON);

	if (last) {
		last->next = child;
		child->prev = last;
	} else {
		parent->child = child;
	}
	parent->child->prev = child;
	return child;
}

static bool read_member(struct reader *r, cJSON *out)
{
	const char *at;
	size_t n;

	skip_space(r);
	at = r->p;
	if (r->p == r->end || *r->p != '"')
		return fail(r, at, "expected a name in double quotes");
	out->string = read_string(r, &n);
	if (!out->string)
		return false;
	json_keys_push(&r->keys, (struct json_key){.s = out->string, .n = n, .at = at});
	if (!take(r, ':'))
		return fail(r, r->p, "expected a colon after the name");
	return read_value(r, out);
}

static bool read_object(struct reader *r, cJSON *out)
{
	cJSON *last = NULL;
	size_t mark = r->keys.n;
	const struct json_key *twice;

	r->p++;
	if (take(r, '}'))
		return true;
	do {
		last = add_child(r, out, last);
		if (!read_member(r, last))
			return false;
	} while (take(r, ','));
	if (!take(r, '}'))
		return fail(r, r->p, "expected a comma or the object's closing brace");
	twice = json_keys_close(&r->keys, mark);
	return !twice || fail(r, twice->at, "the name occurs twice in its object");
}

static bool read_array(struct reader *r, cJSON *out)
{
	cJSON *last = NULL;

	r->p++;
	if (take(r, ']'))
		return true;
	do {
		last = add_child(r, out, last);
		if (!read_value(r, last))
			return false;
	} while (take(r, ','));
	if (!take(r, ']'))
		return fail(r, r->p, "expected a comma or the array's closing bracket");
	return true;
}

static bool read_word(struct reader *r, const char *word, int type, cJSON *out)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
		return fail(r, r->p, "expected a value; names and text need double quotes");
	r->p += n;
	out->type = type;
	return true;
}

static bool read_nested(struct reader *r, cJSON *out)
{
	bool ok;

	if (r->depth == JSON_DEPTH_MAX)
		return fail(r, r->p, "nested deeper than 64 levels");
	r->depth++;
	out->type = *r->p == '{' ? cJSON_Object : cJSON_Array;
	ok = *r->p == '{' ? read_object(r, out) : read_array(r, out);
	r->depth--;
	return ok;
}

static bool read_value(struct reader *r, cJSON *out)
{
	size_t n;

	skip_space(r);
	if (r->p == r->end)
		return fail(r, r->p, "the text ends where a value is expected");
	if (++r->values > JSON_VALUES_MAX)
		return fail(r, r->p, "more than 1000000 values");
	switch (*r->p) {
	case '{':
	case '[':
		return read_nested(r, out);
	case '"':
		out->type = cJSON_String;
		out->valuestring = read_string(r, &n);
		return out->valuestring != NULL;
	case 't':
		return read_word(r, "true", cJSON_True, out);
	case 'f':
		return read_word(r, "false", cJSON_False, out);
	case 'n':
		return read_word(r, "null", cJSON_NULL, out);
	case '-':
	case '0' ... '9':
		return read_number(r, out);
	default:
		return fail(r, r->p, "expected a value; names and text need double quotes");
	}
}

static bool read_text(struct reader *r, cJSON *out)
{
	size_t n = (size_t)(r->end - r->text), bad = utf8_check(r->text, n);

	if (n >= 3 && memcmp(r->text, "\xEF\xBB\xBF", 3) == 0)
		return fail(r, r->text, "a byte order mark is not allowed");
	if (bad < n)
		return fail(r, r->text + bad, r->text[bad] ? "the bytes are not UTF-8" : "a NUL byte");
	if (!read_value(r, out))
		return false;
	skip_space(r);
	if (r->p < r->end)
		return fail(r, r->p, "text follows the end of the value");
	assert(r->depth == 0 && r->keys.n == 0);
	return true;
}

cJSON *json_read(const char *text, size_t n, struct arena *a, struct err *e)
{
	struct json_key inline_keys[48];
	struct reader r = {.text = text, .p = text, .end = text + n, .arena = a, .e = e};
	cJSON *tree = ARENA_NEW(a, cJSON);

	r.keys = (struct json_keys){.arena = a, .items = inline_keys, .cap = ARRAY_LEN(inline_keys)};
	return read_text(&r, tree) ? tree : NULL;
}
