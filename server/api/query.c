#include "server/api/query.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/num.h"
#include "lib/problems.h"
#include "lib/uri.h"

struct decoder {
	const struct json_field *fields;
	char *out;
	struct problems *problems;
	bool *seen; /* per field */
};

static const char *pointer_of(const struct decoder *d, const char *name)
{
	return arena_printf(d->problems->arena, "?%s", name);
}

static size_t count_fields(const struct json_field *fields)
{
	size_t n = 0;
	while (fields && fields[n].kind != JF_K_END)
		n++;
	return n;
}

static bool out_of_range(const struct decoder *d, const struct json_field *f, const char *what)
{
	char low[NUM_MAX], high[NUM_MAX];
	num_format(low, f->min);
	num_format(high, f->max);
	return problem_add(d->problems, pointer_of(d, f->name), "out-of-range", "%s must be from %s to %s%s",
		f->name, low, high, what);
}

static bool set_string(const struct decoder *d, const struct json_field *f, const char *text)
{
	size_t n = strlen(text);
	if ((double)n < f->min || (double)n > f->max)
		return out_of_range(d, f, " bytes long");
	memcpy(d->out + f->offset, &text, sizeof text);
	return true;
}

static bool set_enum(const struct decoder *d, const struct json_field *f, const char *text)
{
	for (int i = 0; f->names[i]; i++)
		if (strcmp(f->names[i], text) == 0) {
			memcpy(d->out + f->offset, &i, sizeof i);
			return true;
		}
	return problem_unknown(d->problems, pointer_of(d, f->name), "unknown-value", f->name, text, f->names);
}

static bool set_number(const struct decoder *d, const struct json_field *f, const char *text)
{
	double x;
	int64_t i;
	bool integral = f->kind == JF_K_INT;
	bool fine = integral ? num_parse_i64(text, strlen(text), &i) : num_parse(text, strlen(text), false, &x);
	if (!fine)
		return problem_add(d->problems, pointer_of(d, f->name), "wrong-type", "'%.40s' is not %s", text,
			integral ? "an integer" : "a number");
	if (integral)
		x = (double)i;
	if (!(x >= f->min && x <= f->max))
		return out_of_range(d, f, "");
	memcpy(d->out + f->offset, integral ? (const void *)&i : &x, sizeof x);
	return true;
}

static bool set_bool(const struct decoder *d, const struct json_field *f, const char *text)
{
	bool yes = text[0] == '\0' || strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
	if (!yes && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
		return problem_add(
			d->problems, pointer_of(d, f->name), "wrong-type", "'%.40s' is not true or false", text);
	memcpy(d->out + f->offset, &yes, sizeof yes);
	return true;
}

static bool set_duration(const struct decoder *d, const struct json_field *f, const char *text)
{
	int64_t us;
	if (!num_parse_duration(text, &us))
		return problem_add(d->problems, pointer_of(d, f->name), "wrong-type",
			"'%.40s' is not a duration like 30s or 5m", text);
	if ((double)us < f->min * CLK_SECOND || (double)us > f->max * CLK_SECOND)
		return out_of_range(d, f, " seconds");
	memcpy(d->out + f->offset, &us, sizeof us);
	return true;
}

static bool add_strings(const struct decoder *d, const struct json_field *f, const char *text)
{
	struct arena *a = d->problems->arena;
	struct json_list list;
	memcpy(&list, d->out + f->offset, sizeof list);
	size_t n = 1;
	for (const char *p = text; *p; p++)
		n += *p == ',';
	const char **items = ARENA_NEW_N(a, const char *, list.n + n);
	if (list.n)
		memcpy(items, list.items, list.n * sizeof *items);
	for (const char *p = text;; p++) {
		size_t len = strcspn(p, ",");
		if (len)
			items[list.n++] = arena_strndup(a, p, len);
		p += len;
		if (!*p)
			break;
	}
	if ((double)list.n > f->max)
		return out_of_range(d, f, " values");
	list.items = items;
	memcpy(d->out + f->offset, &list, sizeof list);
	return true;
}

static bool set(const struct decoder *d, const struct json_field *f, const char *text)
{
	switch (f->kind) {
	case JF_K_STR:
		return set_string(d, f, text);
	case JF_K_ENUM:
		return set_enum(d, f, text);
	case JF_K_NUM:
	case JF_K_INT:
		return set_number(d, f, text);
	case JF_K_BOOL:
		return set_bool(d, f, text);
	case JF_K_DURATION:
		return set_duration(d, f, text);
	case JF_K_STRINGS:
		return add_strings(d, f, text);
	case JF_K_END:
	case JF_K_OBJECT:
	case JF_K_LIST:
	case JF_K_MAP:
	case JF_K_STRMAP:
	case JF_K_ANY:
	case JF_K_FUN:
		break;
	}
	assert(!"a kind that no query parameter has");
	return false;
}

static bool unknown(const struct decoder *d, const char *name)
{
	size_t n = count_fields(d->fields);
	const char **names = ARENA_NEW_N(d->problems->arena, const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		names[i] = d->fields[i].name;
	return problem_unknown(
		d->problems, pointer_of(d, name), "unknown-parameter", "a query parameter", name, names);
}

static void take(const struct decoder *d, const char *name, const char *value, bool ignore_unknown)
{
	size_t n = count_fields(d->fields), i = 0;
	while (i < n && strcmp(d->fields[i].name, name) != 0)
		i++;
	if (i == n) {
		if (!ignore_unknown)
			unknown(d, name);
		return;
	}
	const struct json_field *f = &d->fields[i];
	if (d->seen[i] && f->kind != JF_K_STRINGS) {
		problem_add(d->problems, pointer_of(d, name), "duplicate", "%s is there twice", name);
		return;
	}
	d->seen[i] = true;
	if (set(d, f, value) && f->present_offset != SIZE_MAX)
		memcpy(d->out + f->present_offset, &(bool){true}, sizeof(bool));
}

/* Defaults are JSON text: a number, true or false, or a quoted word. */
static void set_default(const struct decoder *d, const struct json_field *f)
{
	const char *text = f->dflt;
	size_t n = strlen(text);
	if (n >= 2 && text[0] == '"')
		text = arena_strndup(d->problems->arena, text + 1, n - 2);
	bool fine = set(d, f, text);
	assert(fine && "a default fits its own field");
	(void)fine;
}

static void fill_absent(const struct decoder *d)
{
	for (size_t i = 0; i < count_fields(d->fields); i++) {
		const struct json_field *f = &d->fields[i];
		if (d->seen[i])
			continue;
		if (f->need == JF_REQUIRED)
			problem_add(
				d->problems, pointer_of(d, f->name), "required", "the query parameter %s is needed", f->name);
		else if (f->dflt)
			set_default(d, f);
	}
}

bool query_decode(
	const char *query, const struct json_field *fields, bool ignore_unknown, void *out, struct problems *p)
{
	size_t before = p->total;
	struct err e;
	struct uri_query pairs;
	if (!uri_parse_query(query, p->arena, &pairs, &e))
		return problem_add(p, "?", "malformed", "%s", e.detail);
	struct decoder d = {.fields = fields, .out = out, .problems = p};
	d.seen = ARENA_NEW_N(p->arena, bool, count_fields(fields) + 1);
	for (size_t i = 0; i < pairs.n; i++)
		take(&d, pairs.pairs[i].name, pairs.pairs[i].value, ignore_unknown);
	fill_absent(&d);
	return p->total == before;
}
