#include "cli/space_flag.h"

#include <string.h>

#include "cli/input.h"
#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/num.h"

struct range {
	const char *min, *max, *step; /* texts */
	bool log, as_int, as_double;
};

bool space_flag_is(const char *text)
{
	return text && (strstr(text, "..") || strchr(text, ','));
}

static bool is_number(const char *text)
{
	double x;

	return num_parse(text, strlen(text), false, &x);
}

static bool is_int(const char *text)
{
	int64_t x;

	return num_parse_i64(text, strlen(text), &x);
}

static bool take_prefix(const char **text, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(*text, prefix, n) != 0)
		return false;
	*text += n;
	return true;
}

static struct range split_range(struct arena *a, const char *text)
{
	struct range r = {0};
	const char *dots, *colon;
	bool more = true;

	while (more) {
		more = false;
		if (take_prefix(&text, "log:"))
			r.log = more = true;
		if (take_prefix(&text, "int:"))
			r.as_int = more = true;
		if (take_prefix(&text, "double:"))
			r.as_double = more = true;
	}
	dots = strstr(text, "..");
	colon = strchr(dots, ':');
	r.min = arena_strndup(a, text, (size_t)(dots - text));
	r.max = colon ? arena_strndup(a, dots + 2, (size_t)(colon - dots - 2)) : dots + 2;
	r.step = colon ? colon + 1 : NULL;
	return r;
}

static bool write_range(
	struct json_writer *w, struct arena *a, const char *name, const char *text, struct err *e)
{
	const struct range r = split_range(a, text);
	bool as_int;

	if (!is_number(r.min) || !is_number(r.max) || (r.step && !is_number(r.step)))
		return err_set(
			e, ERR_INVALID, "--%s=%s: a range is MIN..MAX, log:MIN..MAX or MIN..MAX:STEP", name, text);
	as_int = !r.as_double && (r.as_int || (is_int(r.min) && is_int(r.max) && (!r.step || is_int(r.step))));
	jw_object(w, name);
	jw_str(w, "type", as_int ? "int" : "double");
	jw_raw(w, "min", word_json(a, r.min));
	jw_raw(w, "max", word_json(a, r.max));
	if (r.step)
		jw_raw(w, "step", word_json(a, r.step));
	if (r.log)
		jw_str(w, "scale", "log");
	jw_end(w);
	return true;
}

static bool write_list(
	struct json_writer *w, struct arena *a, const char *name, const char *text, struct err *e)
{
	char *copy = arena_strdup(a, text), *save = NULL;
	bool numbers = true;

	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
		numbers &= is_number(word);
	if (strstr(text, ",,") || text[0] == ',' || text[strlen(text) - 1] == ',')
		return err_set(e, ERR_INVALID, "--%s=%s: an empty word is no choice", name, text);
	jw_object(w, name);
	jw_str(w, "type", numbers ? "discrete" : "categorical");
	jw_array(w, "values");
	copy = arena_strdup(a, text);
	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (numbers)
			jw_raw(w, NULL, word_json(a, word));
		else
			jw_str(w, NULL, word);
	jw_end(w);
	jw_end(w);
	return true;
}

bool space_flag_write(
	struct json_writer *w, struct arena *a, const char *name, const char *text, struct err *e)
{
	return strstr(text, "..") ? write_range(w, a, name, text, e) : write_list(w, a, name, text, e);
}
