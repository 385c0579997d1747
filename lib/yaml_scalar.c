#include "lib/yaml_scalar.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/attr.h"
#include "lib/num.h"
#include "lib/strbuf.h"

static const struct {
	const char *text;
	enum yaml_plain is;
} words[] = {
	{"", YAML_PLAIN_NULL}, {"~", YAML_PLAIN_NULL},
	{"null", YAML_PLAIN_NULL}, {"Null", YAML_PLAIN_NULL}, {"NULL", YAML_PLAIN_NULL},
	{"true", YAML_PLAIN_TRUE}, {"True", YAML_PLAIN_TRUE}, {"TRUE", YAML_PLAIN_TRUE},
	{"false", YAML_PLAIN_FALSE}, {"False", YAML_PLAIN_FALSE}, {"FALSE", YAML_PLAIN_FALSE},
	{".nan", YAML_PLAIN_ENDLESS}, {".NaN", YAML_PLAIN_ENDLESS}, {".NAN", YAML_PLAIN_ENDLESS},
	{".inf", YAML_PLAIN_ENDLESS}, {".Inf", YAML_PLAIN_ENDLESS}, {".INF", YAML_PLAIN_ENDLESS},
	{"+.inf", YAML_PLAIN_ENDLESS}, {"+.Inf", YAML_PLAIN_ENDLESS}, {"+.INF", YAML_PLAIN_ENDLESS},
	{"-.inf", YAML_PLAIN_ENDLESS}, {"-.Inf", YAML_PLAIN_ENDLESS}, {"-.INF", YAML_PLAIN_ENDLESS},
};

/* "0x1F" and "0o17"; beyond 2^53 they would not be exact. */
static enum yaml_plain read_radix(const char *s, double *number)
{
	unsigned base = s[0] != '0' ? 0 : s[1] == 'x' ? 16 : s[1] == 'o' ? 8 : 0;
	const uint64_t max = UINT64_C(1) << 53;
	uint64_t v = 0;

	if (base == 0 || s[2] == '\0')
		return YAML_PLAIN_TEXT;
	for (s += 2; *s; s++) {
		int digit = num_hex_digit(*s);

		if (digit < 0 || (unsigned)digit >= base)
			return YAML_PLAIN_TEXT;
		v = v > max ? v : v * base + (unsigned)digit;
	}
	*number = (double)v;
	return v > max ? YAML_PLAIN_TOO_LARGE : YAML_PLAIN_NUMBER;
}

enum yaml_plain yaml_plain(const char *s, size_t n, double *number)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].text, s) == 0)
			return words[i].is;
	if (num_parse(s, n, false, number))
		return YAML_PLAIN_NUMBER;
	return num_is_decimal(s, n) ? YAML_PLAIN_TOO_LARGE : read_radix(s, number);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_break(char c)
{
	return c == '\n' || c == '\r';
}

/* The line breaks at p with all blanks around them: one is a space, each further one a line break.
 * Returns where the text goes on. */
static const char *fold_breaks(const char *p, const char *end, struct strbuf *out)
{
	size_t breaks = 0;

	while (out->len > 0 && is_blank(out->data[out->len - 1]))
		out->data[--out->len] = '\0';
	while (p < end && (is_break(*p) || is_blank(*p))) {
		breaks += is_break(*p);
		p += *p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1;
	}
	if (breaks == 1)
		strbuf_putc(out, ' ');
	for (; breaks > 1; breaks--)
		strbuf_putc(out, '\n');
	return p;
}

void yaml_unquote(const char *p, const char *end, struct strbuf *out)
{
	while (p < end) {
		if (is_break(*p)) {
			p = fold_breaks(p, end, out);
			continue;
		}
		strbuf_putc(out, *p);
		p += *p == '\'' ? 2 : 1;
	}
}
