#include "lib/options.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/num.h"
#include "lib/problems.h"

enum { FILE_LINE_MAX = 8192, SECRET_MAX = 8192 };

static const char *const bool_names[] = {"false", "true", "no", "yes", "off", "on", "0", "1", NULL};

/* One option of one of the tables, and its place in o->source. */
struct slot {
	const struct option_def *def;
	void *value;
	size_t index;
};

/* Walks the options of all tables: false at the end. Starts from a zeroed slot. */
static bool next_slot(const struct options *o, struct slot *s)
{
	size_t skip = s->def ? s->index + 1 : 0;
	size_t index = 0;

	for (size_t t = 0; t < o->n_tables; t++)
		for (const struct option_def *d = o->tables[t].defs; d->type != OPTION_END; d++, index++)
			if (index == skip) {
				*s = (struct slot){d, (char *)o->tables[t].values + d->offset, index};
				return true;
			}
	return false;
}

static bool find_name(const struct options *o, const char *name, size_t n, struct slot *out)
{
	for (struct slot s = {0}; next_slot(o, &s);)
		if (strlen(s.def->name) == n && memcmp(s.def->name, name, n) == 0) {
			*out = s;
			return true;
		}
	return false;
}

static bool find_letter(const struct options *o, char letter, struct slot *out)
{
	for (struct slot s = {0}; next_slot(o, &s);)
		if (s.def->letter == letter) {
			*out = s;
			return true;
		}
	return false;
}

static bool within(const struct option_def *d, const char *what, const char *text, double v, struct err *e)
{
	char lo[NUM_MAX], hi[NUM_MAX];

	if ((d->min == 0 && d->max == 0) || (v >= d->min && v <= d->max))
		return true;
	num_format(lo, d->min);
	num_format(hi, d->max);
	return err_set(e, ERR_INVALID, "%s: %s is not between %s and %s%s", what, text, lo, hi,
		d->type == OPTION_DURATION ? " seconds" : "");
}

static bool set_integer(const struct slot *s, const char *what, const char *text, struct err *e)
{
	const struct option_def *d = s->def;
	int64_t *out = s->value;
	double compare;

	if (d->type == OPTION_INT && !num_parse_i64(text, strlen(text), out))
		return err_set(e, ERR_INVALID, "%s: '%s' is not an integer", what, text);
	if (d->type == OPTION_DURATION && !num_parse_duration(text, out))
		return err_set(e, ERR_INVALID, "%s: '%s' is not a duration such as 90s, 30m, 1h30m", what, text);
	if (d->type == OPTION_BYTES && !num_parse_bytes(text, out))
		return err_set(e, ERR_INVALID, "%s: '%s' is not a size such as 512Ki, 10M, 4Gi", what, text);
	compare = (double)*out / (d->type == OPTION_DURATION ? 1e6 : 1);
	return within(d, what, text, compare, e);
}

static bool set_double(const struct slot *s, const char *what, const char *text, struct err *e)
{
	double *out = s->value;

	if (!num_parse(text, strlen(text), false, out))
		return err_set(e, ERR_INVALID, "%s: '%s' is not a number", what, text);
	return within(s->def, what, text, *out, e);
}

static bool set_bool(const struct slot *s, const char *what, const char *text, struct err *e)
{
	for (int i = 0; bool_names[i]; i++)
		if (strcmp(text, bool_names[i]) == 0) {
			*(bool *)s->value = i % 2 == 1;
			return true;
		}
	return err_set(e, ERR_INVALID, "%s: '%s' is neither true nor false", what, text);
}

static bool set_enum(const struct slot *s, const char *what, const char *text, struct err *e)
{
	const char *near = nearest_name(text, s->def->names);
	char all[200] = "";
	size_t used = 0;

	for (int i = 0; s->def->names[i]; i++) {
		if (strcmp(text, s->def->names[i]) == 0) {
			*(int *)s->value = i;
			return true;
		}
		if (used < sizeof all)
			used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", s->def->names[i]);
	}
	if (near)
		return err_set(e, ERR_INVALID, "%s: '%s' is none of %s; did you mean %s?", what, text, all, near);
	return err_set(e, ERR_INVALID, "%s: '%s' is none of %s", what, text, all);
}

static void list_add(struct options *o, struct option_list *list, const char *text)
{
	const char **items = arena_alloc(o->arena, (list->n + 1) * sizeof *items);

	if (list->n)
		memcpy(items, list->items, list->n * sizeof *items);
	items[list->n++] = text;
	list->items = items;
}

static bool set_text(
	struct options *o, const struct slot *s, const char *what, const char *text, struct err *e)
{
	switch (s->def->type) {
	case OPTION_STRING:
	case OPTION_PATH:
		*(const char **)s->value = text;
		return true;
	case OPTION_INT:
	case OPTION_DURATION:
	case OPTION_BYTES:
		return set_integer(s, what, text, e);
	case OPTION_DOUBLE:
		return set_double(s, what, text, e);
	case OPTION_BOOL:
		return set_bool(s, what, text, e);
	case OPTION_ENUM:
		return set_enum(s, what, text, e);
	case OPTION_LIST:
		list_add(o, s->value, text);
		return true;
	case OPTION_END:
		break;
	}
	assert(!"an option of no type");
	return false;
}

/* Sets the value unless a stronger source has: a list of a stronger source replaces a weaker one's. */
static bool set_from(struct options *o, const struct slot *s, enum option_source source, const char *what,
	const char *text, struct err *e)
{
	if (o->source[s->index] > source)
		return true;
	if (s->def->type == OPTION_LIST && o->source[s->index] < source)
		*(struct option_list *)s->value = (struct option_list){0};
	o->source[s->index] = (unsigned char)source;
	return set_text(o, s, what, text, e);
}

void options_init(struct options *o, struct arena *a)
{
	*o = (struct options){.arena = a};
}

void options_add(struct options *o, const struct option_def *defs, void *values)
{
	struct slot s = {0};
	struct err e = {0};

	assert(o->n_tables < OPTION_TABLES_MAX);
	o->tables[o->n_tables].defs = defs;
	o->tables[o->n_tables++].values = values;
	while (next_slot(o, &s)) {
		assert(s.index < OPTIONS_MAX);
		assert(s.def->name && s.def->help);
		if (o->source[s.index] == OPTION_FROM_DEFAULT && s.def->dflt &&
			!set_text(o, &s, s.def->name, s.def->dflt, &e)) {
			fprintf(stderr, "trimtab: default of --%s\n", e.detail);
			abort();
		}
	}
}

/* ---- flags ---- */

static bool unknown_flag(struct options *o, const char *name, size_t n, const char *value, struct err *e)
{
	char *given = arena_strndup(o->arena, name, n);
	const char *names[OPTIONS_MAX + 1] = {0};
	const char *near;
	size_t count = 0;

	for (struct slot s = {0}; next_slot(o, &s);)
		if (!s.def->hidden)
			names[count++] = s.def->name;
	near = nearest_name(given, names);
	if (o->unknown)
		return o->unknown(o->unknown_ctx, given, value, near, e);
	if (near)
		return err_set(e, ERR_INVALID, "unknown flag --%s; did you mean --%s?", given, near);
	return err_set(e, ERR_INVALID, "unknown flag --%s; --help lists the flags", given);
}

static bool parse_long(struct options *o, int argc, char *const *argv, int *i, struct err *e)
{
	const char *name = argv[*i] + 2;
	const char *equals = strchr(name, '=');
	size_t n = equals ? (size_t)(equals - name) : strlen(name);
	const char *value = equals ? equals + 1 : NULL;
	const char *what = arena_printf(o->arena, "--%.*s", (int)n, name);
	struct slot s;

	if (!find_name(o, name, n, &s)) {
		if (n > 3 && strncmp(name, "no-", 3) == 0 && !value && find_name(o, name + 3, n - 3, &s) &&
			s.def->type == OPTION_BOOL)
			return set_from(o, &s, OPTION_FROM_FLAG, what, "false", e);
		return unknown_flag(o, name, n, value, e);
	}
	if (!value && s.def->type == OPTION_BOOL)
		value = "true";
	if (!value && ++*i < argc)
		value = argv[*i];
	if (!value)
		return err_set(e, ERR_INVALID, "%s needs a value: %s", what, option_usage(s.def, o->arena));
	return set_from(o, &s, OPTION_FROM_FLAG, what, value, e);
}

/* -f FILE, -fFILE, -o=json, -wA (switches may share a dash). */
static bool parse_letters(struct options *o, int argc, char *const *argv, int *i, struct err *e)
{
	for (const char *p = argv[*i] + 1; *p; p++) {
		const char what[] = {'-', *p, '\0'};
		const char *value = p[1] == '=' ? p + 2 : p + 1;
		struct slot s;

		if (!find_letter(o, *p, &s))
			return err_set(e, ERR_INVALID, "unknown flag -%c; --help lists the flags", *p);
		if (s.def->type == OPTION_BOOL) {
			if (!set_from(o, &s, OPTION_FROM_FLAG, what, "true", e))
				return false;
			continue;
		}
		if (!*value && ++*i >= argc)
			return err_set(e, ERR_INVALID, "%s needs a value: %s", what, option_usage(s.def, o->arena));
		return set_from(o, &s, OPTION_FROM_FLAG, what, *value ? value : argv[*i], e);
	}
	return true;
}

bool options_parse(struct options *o, int argc, char *const *argv, struct err *e)
{
	o->args = arena_calloc(o->arena, (size_t)argc + 1, sizeof *o->args);
	for (int i = 0; i < argc; i++) {
		const char *word = argv[i];

		if (strcmp(word, "--") == 0) {
			o->command = argv + i + 1;
			o->n_command = (size_t)(argc - i - 1);
			return true;
		}
		if (word[0] != '-' || !word[1])
			o->args[o->n_args++] = word;
		else if (!(word[1] == '-' ? parse_long(o, argc, argv, &i, e) : parse_letters(o, argc, argv, &i, e)))
			return false;
	}
	return true;
}

/* ---- environment and file ---- */

/* The first line of the file that <env>_FILE names, as Docker's and Kubernetes' secrets are given. */
static bool read_secret(struct options *o, const struct slot *s, struct err *e)
{
	char *variable = arena_printf(o->arena, "%s_FILE", s->def->env);
	const char *path = getenv(variable);
	char text[SECRET_MAX];
	FILE *file;

	if (!path || !*path)
		return true;
	file = fopen(path, "r");
	if (!file)
		return err_set(e, ERR_INVALID, "%s: %s cannot be read: %m", variable, path);
	if (!fgets(text, sizeof text, file))
		text[0] = '\0';
	fclose(file);
	text[strcspn(text, "\r\n")] = '\0';
	return set_from(o, s, OPTION_FROM_ENV, variable, arena_strdup(o->arena, text), e);
}

bool options_read_env(struct options *o, struct err *e)
{
	for (struct slot s = {0}; next_slot(o, &s);) {
		const char *text = s.def->env ? getenv(s.def->env) : NULL;

		if (text && *text) {
			if (!set_from(o, &s, OPTION_FROM_ENV, s.def->env, text, e))
				return false;
		} else if (s.def->env && s.def->secret && !read_secret(o, &s, e)) {
			return false;
		}
	}
	return true;
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	return s;
}

static bool unknown_key(struct options *o, const char *where, const char *key, struct err *e)
{
	const char *names[OPTIONS_MAX + 1] = {0};
	const char *near;
	size_t count = 0;

	for (struct slot s = {0}; next_slot(o, &s);)
		if (s.def->config)
			names[count++] = s.def->name;
	near = nearest_name(key, names);
	return err_set(e, ERR_INVALID, "%s: '%s' is not a setting%s%s%s", where, key,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static bool read_line(struct options *o, const char *where, char *line, struct err *e)
{
	char *equals, *key, *value;
	struct slot s;

	line = trim(line);
	if (!*line || *line == '#')
		return true;
	equals = strchr(line, '=');
	if (!equals)
		return err_set(e, ERR_INVALID, "%s: expected `key = value`", where);
	*equals = '\0';
	key = trim(line);
	value = trim(equals + 1);
	if (!find_name(o, key, strlen(key), &s) || !s.def->config)
		return unknown_key(o, where, key, e);
	return set_from(o, &s, OPTION_FROM_FILE, where, arena_strdup(o->arena, value), e);
}

bool options_read_file(struct options *o, const char *path, struct err *e)
{
	char line[FILE_LINE_MAX];
	bool ok = true;
	FILE *file = fopen(path, "r");

	if (!file)
		return err_set(e, ERR_INVALID, "%s cannot be read: %m", path);
	for (int number = 1; ok && fgets(line, sizeof line, file); number++) {
		const char *where = arena_printf(o->arena, "%s:%d", path, number);

		if (!strchr(line, '\n') && !feof(file))
			ok = err_set(e, ERR_INVALID, "%s: the line is longer than %d bytes", where, FILE_LINE_MAX - 1);
		else
			ok = read_line(o, where, line, e);
	}
	fclose(file);
	return ok;
}

enum option_source options_source(const struct options *o, const char *name)
{
	struct slot s;

	if (!find_name(o, name, strlen(name), &s)) {
		assert(!"options_source() of a name that is in no table");
		return OPTION_FROM_DEFAULT;
	}
	return (enum option_source)o->source[s.index];
}

bool options_given(const struct options *o, const char *name)
{
	return options_source(o, name) != OPTION_FROM_DEFAULT;
}
