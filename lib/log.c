#include "lib/log.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "lib/attr.h"
#include "lib/clk.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "lib/strbuf.h"

enum { LINE_MAX_BYTES = 16 * 1024 };

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static atomic_int threshold = LOG_LEVEL_INFO;
static atomic_int line_format = LOG_FORMAT_TEXT;

void log_configure(enum log_level level, enum log_format format)
{
	threshold = (int)level;
	line_format = (int)format;
}

bool log_on(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

bool log_level_parse(const char *s, enum log_level *out)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
		if (strcmp(s, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

static bool is_bare(const char *s)
{
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= ' ' || strchr("\"=\\\x7f", *p))
			return false;
	return *s != '\0';
}

/* A value as logfmt has it: bare when it can be, else a JSON string. */
static void put_text(struct strbuf *b, const char *s)
{
	struct json_writer w;

	if (is_bare(s)) {
		strbuf_puts(b, s);
		return;
	}
	jw_init(&w, b);
	jw_str(&w, NULL, s);
}

static void text_line(struct strbuf *b, const char *time, enum log_level level, const char *msg,
	const struct log_field *fields, size_t n)
{
	char number[NUM_MAX];

	strbuf_printf(b, "time=%s level=%s msg=", time, level_names[level]);
	put_text(b, msg);
	for (size_t i = 0; i < n; i++) {
		const struct log_field *f = &fields[i];

		strbuf_printf(b, " %s=", f->key);
		switch (f->kind) {
		case LOG_F_STR:
			put_text(b, f->s ? f->s : "");
			break;
		case LOG_F_INT:
			strbuf_add(b, number, num_format_i64(number, f->i));
			break;
		case LOG_F_NUM:
			strbuf_add(b, number, num_format(number, f->d));
			break;
		}
	}
}

static void json_line(struct strbuf *b, const char *time, enum log_level level, const char *msg,
	const struct log_field *fields, size_t n)
{
	struct json_writer w;

	jw_init(&w, b);
	jw_object(&w, NULL);
	jw_str(&w, "time", time);
	jw_str(&w, "level", level_names[level]);
	jw_str(&w, "msg", msg);
	for (size_t i = 0; i < n; i++) {
		const struct log_field *f = &fields[i];

		switch (f->kind) {
		case LOG_F_STR:
			jw_str(&w, f->key, f->s);
			break;
		case LOG_F_INT:
			jw_int(&w, f->key, f->i);
			break;
		case LOG_F_NUM:
			jw_num(&w, f->key, f->d);
			break;
		}
	}
	jw_end(&w);
}

/* One write() per line, so that lines of several threads and processes do not mix. */
void log_write(enum log_level level, const char *msg, const struct log_field *fields, size_t n)
{
	char time[CLK_TIME_MAX];
	struct strbuf line;

	assert(level <= LOG_LEVEL_DEBUG && msg);
	strbuf_init(&line, LINE_MAX_BYTES);
	clk_format_time(time, clk_wall_us());
	if (line_format == LOG_FORMAT_JSON)
		json_line(&line, time, level, msg, fields, n);
	else
		text_line(&line, time, level, msg, fields, n);
	if (line.failed) { /* a field without measure must not hide the event */
		strbuf_reset(&line);
		if (line_format == LOG_FORMAT_JSON)
			json_line(&line, time, level, msg, NULL, 0);
		else
			text_line(&line, time, level, msg, NULL, 0);
	}
	strbuf_putc(&line, '\n');
	if (write(STDERR_FILENO, line.data, line.len) < 0) {
		/* Nobody is left to be told. */
	}
	strbuf_free(&line);
}

bool log_limit_pass(struct log_limit *l, int64_t period_us)
{
	int64_t now_us = clk_now_us();

	if (now_us < l->next_us) {
		l->pending++;
		return false;
	}
	l->next_us = now_us + period_us;
	l->skipped = l->pending;
	l->pending = 0;
	return true;
}
