/*
 * JSON out, streamed into a strbuf: exact doubles, escaped strings, balance asserted.
 * Non-finite numbers are written as the strings "NaN", "Infinity", "-Infinity".
 *
 *     jw_object(&w, NULL);
 *     jw_str(&w, "name", name);
 *     jw_array(&w, "values"); jw_num(&w, NULL, 0.5); jw_end(&w);
 *     jw_end(&w);
 *
 * `key` is NULL inside an array and at the top. Strings must be valid UTF-8; invalid bytes are
 * replaced by U+FFFD so that an answer is always JSON.
 */
#pragma once
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/strbuf.h"

enum { JW_DEPTH_MAX = 72 };

struct json_writer {
	struct strbuf *out;
	unsigned depth;
	bool comma[JW_DEPTH_MAX];       /* something precedes at this depth */
	char close[JW_DEPTH_MAX];       /* '}' or ']'                       */
};

void jw_init(struct json_writer *w, struct strbuf *out);
void jw_object(struct json_writer *w, const char *key);
void jw_array(struct json_writer *w, const char *key);
void jw_end(struct json_writer *w);
void jw_str(struct json_writer *w, const char *key, const char *v);      /* NULL writes null     */
void jw_strn(struct json_writer *w, const char *key, const char *v, size_t n);
void jw_num(struct json_writer *w, const char *key, double v);
void jw_int(struct json_writer *w, const char *key, int64_t v);
void jw_bool(struct json_writer *w, const char *key, bool v);
void jw_null(struct json_writer *w, const char *key);
void jw_time(struct json_writer *w, const char *key, int64_t unix_us);   /* RFC 3339 UTC; 0 = null */
void jw_raw(struct json_writer *w, const char *key, const char *json);   /* valid JSON text; NULL = null */
void jw_value(struct json_writer *w, const char *key, const cJSON *v);   /* a whole tree         */

/* Adds n bytes of valid UTF-8 as they stand between the quotes of a JSON string. */
void json_escape(struct strbuf *out, const char *s, size_t n);
