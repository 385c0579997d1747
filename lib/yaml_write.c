#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/json.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "lib/yaml.h"

/* Words that some YAML reader, of version 1.1 or 1.2, takes for something else than text. */
static bool is_reserved(const char *s)
{
	static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasecmp(s, words[i]) == 0)
			return true;
	return false;
}

/* May s stand without quotes? Only the plainest: a letter, then letters, digits, _ . / - and single
 * spaces between. */
static bool is_plain(const char *s)
{
	size_t n = strlen(s);

	if (!isalpha((unsigned char)s[0]) || s[n - 1] == ' ' || is_reserved(s))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x80 || (!isalnum((unsigned char)s[i]) && !strchr("_./- ", s[i])))
			return false;
	return true;
}

/* Length of the character at s if JSON lets it stand but YAML does not: DEL, the controls from U+0080
 * to U+009F, separators, byte order marks and what is no character; its code point then. */
static size_t unprintable(const char *s, unsigned *code)
{
	const unsigned char *p = (const unsigned char *)s;

	if (p[0] == 0x7F)
		return *code = 0x7F, 1;
	if (p[0] == 0xC2 && p[1] < 0xA0)
		return *code = p[1], 2;
	if (p[0] < 0xE2 || p[0] > 0xEF)
		return 0;
	*code = (p[0] & 15u) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u);
	return *code == 0x2028 || *code == 0x2029 || *code == 0xFEFF || *code >= 0xFFFE ? 3 : 0;
}

static void put_quoted(struct strbuf *out, const char *s)
{
	unsigned code = 0;

	strbuf_putc(out, '"');
	while (*s) {
		size_t run = 0, len = 0;

		while (s[run] && (len = unprintable(s + run, &code)) == 0)
			run++;
		json_escape(out, s, run);
		if (len > 0)
			strbuf_printf(out, "\\u%04x", code);
		s += run + len;
	}
	strbuf_putc(out, '"');
}

static void put_text(struct strbuf *out, const char *s)
{
	if (is_plain(s))
		strbuf_puts(out, s);
	else
		put_quoted(out, s);
}

static void put_scalar(struct strbuf *out, const cJSON *v)
{
	char number[NUM_MAX];

	if (cJSON_IsString(v))
		put_text(out, v->valuestring);
	else if (cJSON_IsNumber(v))
		strbuf_add(out, number, num_format(number, v->valuedouble));
	else if (cJSON_IsBool(v))
		strbuf_puts(out, cJSON_IsTrue(v) ? "true" : "false");
	else
		strbuf_puts(out, cJSON_IsObject(v) ? "{}" : cJSON_IsArray(v) ? "[]" : "null");
}

/* The members of v, each on its line(s); the first goes where the cursor is. */
static void put_members(struct strbuf *out, const cJSON *v, int indent)
{
	assert(v->child);
	json_each (item, v) {
		if (item != v->child)
			strbuf_printf(out, "%*s", indent, "");
		if (cJSON_IsObject(v)) {
			put_text(out, item->string);
			strbuf_putc(out, ':');
		} else {
			strbuf_putc(out, '-');
		}
		if (!item->child) {
			strbuf_putc(out, ' ');
			put_scalar(out, item);
			strbuf_putc(out, '\n');
			continue;
		}
		if (cJSON_IsObject(v))
			strbuf_printf(out, "\n%*s", indent + 2, "");
		else
			strbuf_putc(out, ' ');
		put_members(out, item, indent + 2);
	}
}

void yaml_write(struct strbuf *out, const cJSON *v)
{
	if (v->child) {
		put_members(out, v, 0);
	} else {
		put_scalar(out, v);
		strbuf_putc(out, '\n');
	}
}
