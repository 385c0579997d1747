#include "cli/output.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json_write.h"
#include "lib/problems.h"
#include "lib/strbuf.h"
#include "lib/yaml.h"

enum { WORD_MAX = 256 };

static const char *const kind_names[] = {"table", "wide", "name", "json", "yaml", "csv", "jsonpath", NULL};

bool output_parse(const char *text, struct output *out, struct err *e)
{
	const char *near;

	*out = (struct output){0};
	if (!text)
		return true;
	if (strncmp(text, "jsonpath=", 9) == 0) {
		*out = (struct output){OUTPUT_JSONPATH, text + 9};
		return true;
	}
	for (int i = 0; kind_names[i]; i++)
		if (strcmp(text, kind_names[i]) == 0 && i != OUTPUT_JSONPATH) {
			out->kind = (enum output_kind)i;
			return true;
		}
	near = nearest_name(text, kind_names);
	return err_set(e, ERR_INVALID,
		"--output: '%s' is none of table, wide, name, json, yaml, csv, jsonpath=...%s%s%s", text,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static void scalar(struct strbuf *out, const cJSON *v)
{
	struct json_writer w;

	jw_init(&w, out);
	jw_value(&w, NULL, v);
}

static bool is_flat(const cJSON *v)
{
	json_each(item, v)
		if (item->child)
			return false;
	return true;
}

/* Arrays of plain values stay on one line. */
static void pretty(struct strbuf *out, const cJSON *v, unsigned depth)
{
	bool array = json_is_array(v);

	if (!v->child || (array && is_flat(v))) {
		scalar(out, v);
		return;
	}
	strbuf_puts(out, array ? "[" : "{");
	json_each(item, v) {
		strbuf_printf(out, "%s\n%*s", item == v->child ? "" : ",", (int)(2 * (depth + 1)), "");
		if (!array) {
			struct json_writer w;

			jw_init(&w, out);
			jw_str(&w, NULL, item->string);
			strbuf_puts(out, ": ");
		}
		pretty(out, item, depth + 1);
	}
	strbuf_printf(out, "\n%*s%s", (int)(2 * depth), "", array ? "]" : "}");
}

void json_pretty(struct strbuf *out, const cJSON *v)
{
	pretty(out, v, 0);
	strbuf_putc(out, '\n');
}

static bool bad_path(const char *at, struct err *e)
{
	return err_set(
		e, ERR_INVALID, "jsonpath: '%s' is not understood; write .field, [0], [*] or ['field']", at);
}

/* One step: sets *word and *end; *word is "*" for all. */
static bool next_step(const char *path, char word[WORD_MAX], const char **end, struct err *e)
{
	const char *p = path + 1, *stop;

	if (*path == '.') {
		stop = p + strcspn(p, ".[}");
		*end = stop;
	} else if (*path == '[') {
		char quote = *p == '\'' || *p == '"' ? *p++ : '\0';

		stop = quote ? strchr(p, quote) : p + strspn(p, "0123456789*-");
		if (!stop || (quote ? stop[1] : *stop) != ']')
			return bad_path(path, e);
		*end = stop + (quote ? 2 : 1);
	} else {
		return bad_path(path, e);
	}
	if (stop == p || stop - p >= WORD_MAX)
		return bad_path(path, e);
	memcpy(word, p, (size_t)(stop - p));
	word[stop - p] = '\0';
	return true;
}

/* "-1" is the last item. */
static const cJSON *item_at(const cJSON *array, const char *word)
{
	long index = strtol(word, NULL, 10), n = 0;

	json_each(item, array)
		n++;
	if (index < 0)
		index += n;
	json_each(item, array)
		if (index-- == 0)
			return item;
	return NULL;
}

static bool is_index(const char *word)
{
	return word[strspn(word, "-0123456789")] == '\0';
}

static bool walk(const cJSON *v, const char *path, struct strbuf *out, struct err *e)
{
	char word[WORD_MAX];
	const char *rest;
	const cJSON *next;

	if (!v)
		return true;
	if (!*path || *path == '}') {
		if (out->len)
			strbuf_putc(out, ' ');
		if (json_str(v))
			strbuf_puts(out, json_str(v));
		else
			scalar(out, v);
		return true;
	}
	if (!next_step(path, word, &rest, e))
		return false;
	if (strcmp(word, "*") == 0) {
		json_each(item, v)
			if (!walk(item, rest, out, e))
				return false;
		return true;
	}
	next = json_is_array(v) && is_index(word) ? item_at(v, word) : json_get(v, word);
	return walk(next, rest, out, e);
}

bool jsonpath_print(const cJSON *v, const char *path, struct strbuf *out, struct err *e)
{
	path += *path == '{';
	path += *path == '$';
	path += path[0] == '.' && (path[1] == '\0' || path[1] == '}');
	if (!walk(v, path, out, e))
		return false;
	strbuf_putc(out, '\n');
	return true;
}

bool output_tree(const struct output *o, const cJSON *v, struct strbuf *out, struct err *e)
{
	switch (o->kind) {
	case OUTPUT_JSONPATH:
		return jsonpath_print(v, o->path, out, e);
	case OUTPUT_YAML:
		yaml_write(out, v);
		return true;
	case OUTPUT_JSON:
	case OUTPUT_TABLE:
	case OUTPUT_WIDE:
	case OUTPUT_NAME:
	case OUTPUT_CSV:
		break;
	}
	json_pretty(out, v);
	return true;
}
