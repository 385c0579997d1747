#include "lib/json_write.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "lib/clk.h"
#include "lib/num.h"
#include "lib/utf8.h"

void jw_init(struct json_writer *w, struct strbuf *out)
{
	w->out = out;
	w->depth = 0;
	w->comma[0] = false;
}

/* The longest prefix that can go out as it is: no quote, backslash, control character. */
static size_t plain_run(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && (unsigned char)s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

static void put_escaped(struct strbuf *out, unsigned char c)
{
	static const char letter[] = {
		['"'] = '"',
		['\\'] = '\\',
		['\b'] = 'b',
		['\f'] = 'f',
		['\n'] = 'n',
		['\r'] = 'r',
		['\t'] = 't',
	};

	if (c < sizeof letter && letter[c])
		strbuf_add(out, (char[]){'\\', letter[c]}, 2);
	else
		strbuf_printf(out, "\\u%04x", c);
}

void json_escape(struct strbuf *out, const char *s, size_t n)
{
	while (n > 0) {
		size_t run = plain_run(s, n);

		strbuf_add(out, s, run);
		if (run < n)
			put_escaped(out, (unsigned char)s[run++]);
		s += run;
		n -= run;
	}
}

static void put_string(struct strbuf *out, const char *s, size_t n)
{
	strbuf_putc(out, '"');
	for (;;) {
		size_t good = utf8_check(s, n);

		json_escape(out, s, good);
		if (good == n)
			break;
		strbuf_puts(out, "\xEF\xBF\xBD");
		s += good + 1;
		n -= good + 1;
	}
	strbuf_putc(out, '"');
}

/* Everything that precedes a value: the comma and the key. */
static void begin(struct json_writer *w, const char *key)
{
	assert(!key == !(w->depth && w->close[w->depth] == '}'));
	assert(w->depth || !w->comma[0]);
	if (w->comma[w->depth])
		strbuf_putc(w->out, ',');
	w->comma[w->depth] = true;
	if (key) {
		put_string(w->out, key, strlen(key));
		strbuf_putc(w->out, ':');
	}
}

static void open_level(struct json_writer *w, const char *key, const char *bracket)
{
	begin(w, key);
	strbuf_putc(w->out, bracket[0]);
	w->depth++;
	assert(w->depth < JW_DEPTH_MAX);
	w->close[w->depth] = bracket[1];
	w->comma[w->depth] = false;
}

void jw_object(struct json_writer *w, const char *key)
{
	open_level(w, key, "{}");
}

void jw_array(struct json_writer *w, const char *key)
{
	open_level(w, key, "[]");
}

void jw_end(struct json_writer *w)
{
	assert(w->depth > 0);
	strbuf_putc(w->out, w->close[w->depth]);
	w->depth--;
}

void jw_raw(struct json_writer *w, const char *key, const char *json)
{
	begin(w, key);
	strbuf_puts(w->out, json ? json : "null");
}

void jw_null(struct json_writer *w, const char *key)
{
	jw_raw(w, key, NULL);
}

void jw_bool(struct json_writer *w, const char *key, bool v)
{
	jw_raw(w, key, v ? "true" : "false");
}

void jw_strn(struct json_writer *w, const char *key, const char *v, size_t n)
{
	begin(w, key);
	put_string(w->out, v, n);
}

void jw_str(struct json_writer *w, const char *key, const char *v)
{
	if (v)
		jw_strn(w, key, v, strlen(v));
	else
		jw_null(w, key);
}

void jw_num(struct json_writer *w, const char *key, double v)
{
	char text[NUM_MAX];
	size_t n = num_format(text, v);

	if (isfinite(v)) {
		begin(w, key);
		strbuf_add(w->out, text, n);
	} else {
		jw_strn(w, key, text, n);
	}
}

void jw_int(struct json_writer *w, const char *key, int64_t v)
{
	char text[NUM_MAX];
	size_t n = num_format_i64(text, v);

	begin(w, key);
	strbuf_add(w->out, text, n);
}

void jw_time(struct json_writer *w, const char *key, int64_t unix_us)
{
	char text[CLK_TIME_MAX];

	if (unix_us == 0)
		jw_null(w, key);
	else
		jw_strn(w, key, text, clk_format_time(text, unix_us));
}

void jw_value(struct json_writer *w, const char *key, const cJSON *v)
{
	if (cJSON_IsObject(v) || cJSON_IsArray(v)) {
		open_level(w, key, cJSON_IsObject(v) ? "{}" : "[]");
		for (const cJSON *item = v->child; item; item = item->next)
			jw_value(w, cJSON_IsObject(v) ? item->string : NULL, item);
		jw_end(w);
	} else if (cJSON_IsString(v)) {
		jw_str(w, key, v->valuestring);
	} else if (cJSON_IsNumber(v)) {
		jw_num(w, key, v->valuedouble);
	} else if (cJSON_IsBool(v)) {
		jw_bool(w, key, cJSON_IsTrue(v));
	} else {
		jw_null(w, key);
	}
}
