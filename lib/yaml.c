#include "lib/yaml.h"

#include <assert.h>
#include <libfyaml.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/json_keys.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "lib/utf8.h"
#include "lib/yaml_scalar.h"

enum { ANCHORS_MAX = 1000 };

struct anchor {
	struct anchor *next; /* older */
	const char *name;
	const cJSON *value;
};

struct reader {
	const char *text;
	struct fy_parser *parser;
	struct fy_diag *diag;
	struct arena *arena;
	struct err *e;
	struct anchor *anchors; /* of this document */
	size_t anchors_n, values;
	unsigned depth;
	struct json_keys keys;
	const char *at; /* of the last event that has a place in the text */
};

static cJSON *read_value(struct reader *r, struct fy_event *event);

static bool fail_at(struct reader *r, const char *at, const char *rule)
{
	size_t line = 1, column = 1;

	for (const char *p = r->text; p < at; p++) {
		if (*p == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)*p & 0xC0) != 0x80) {
			column++;
		}
	}
	return err_set(r->e, ERR_MALFORMED, "not YAML: line %zu, column %zu: %s", line, column, rule);
}

static cJSON *fail(struct reader *r, const char *rule)
{
	fail_at(r, r->at, rule);
	return NULL;
}

/* What libfyaml found wrong: its first message is the one that helps. */
static bool fail_syntax(struct reader *r)
{
	void *iterator = NULL;
	const struct fy_diag_error *error = fy_diag_errors_iterate(r->diag, &iterator);

	if (!error)
		return err_set(r->e, ERR_MALFORMED, "not YAML: the text cannot be read");
	return err_set(
		r->e, ERR_MALFORMED, "not YAML: line %d, column %d: %s", error->line, error->column, error->msg);
}

/* The next event, or NULL with the error set. Whoever takes one frees it. */
static struct fy_event *next_event(struct reader *r)
{
	struct fy_event *event = fy_parser_parse(r->parser);
	const struct fy_mark *mark = event ? fy_event_start_mark(event) : NULL;

	if (!event)
		fail_syntax(r);
	if (mark)
		r->at = r->text + mark->input_pos;
	return event;
}

static cJSON *new_node(struct reader *r, int type)
{
	cJSON *node;

	if (++r->values > YAML_VALUES_MAX)
		return fail(r, "more than 200000 values, counting what aliases stand for");
	node = ARENA_NEW(r->arena, cJSON);
	node->type = type;
	return node;
}

static cJSON *new_number(struct reader *r, double x)
{
	cJSON *node = new_node(r, cJSON_Number);

	if (node)
		cJSON_SetNumberHelper(node, x);
	return node;
}

/* cJSON's convention: the first child's prev is the last child. */
static void append(cJSON *parent, cJSON *child)
{
	if (!parent->child) {
		parent->child = child->prev = child;
		return;
	}
	child->prev = parent->child->prev;
	child->prev->next = child;
	parent->child->prev = child;
}

/* Adds the text of a token. libfyaml 0.7 has two faults here: fy_token_get_text() miscounts the length
 * of some scalars, fails then, and leaks; and of two escaped single quotes in a row it makes three. */
static bool add_text(struct reader *r, struct fy_token *token, struct strbuf *out)
{
	struct fy_token_iter *iterator;
	const struct fy_iter_chunk *chunk = NULL;
	int error = 0;

	if (fy_token_scalar_style(token) == FYSS_SINGLE_QUOTED) {
		yaml_unquote(r->text + fy_token_start_mark(token)->input_pos,
			r->text + fy_token_end_mark(token)->input_pos, out);
		return !out->failed;
	}
	iterator = fy_token_iter_create(token);
	while (iterator && (chunk = fy_token_iter_chunk_next(iterator, chunk, &error)) != NULL)
		strbuf_add(out, chunk->str, chunk->len);
	fy_token_iter_destroy(iterator);
	return iterator && !error && !out->failed;
}

/* The text of a token in the arena, "" for none; NULL (and an error) if it cannot be a C string. */
static const char *token_text(struct reader *r, struct fy_token *token, size_t *n)
{
	const char *text = NULL;
	struct strbuf b;

	strbuf_init(&b, SIZE_MAX);
	if ((!token || add_text(r, token, &b)) && utf8_valid(b.data, b.len))
		text = arena_dup(r->arena, b.data, b.len + 1);
	else
		fail(r, "the text is not UTF-8, or has a NUL in it");
	*n = b.len;
	strbuf_free(&b);
	return text;
}

static cJSON *new_string(struct reader *r, const char *s)
{
	cJSON *node = new_node(r, cJSON_String);

	if (node)
		node->valuestring = arena_strdup(r->arena, s);
	return node;
}

static cJSON *read_plain(struct reader *r, const char *s, size_t n)
{
	double number;

	switch (yaml_plain(s, n, &number)) {
	case YAML_PLAIN_TEXT:
		return new_string(r, s);
	case YAML_PLAIN_NULL:
		return new_node(r, cJSON_NULL);
	case YAML_PLAIN_TRUE:
		return new_node(r, cJSON_True);
	case YAML_PLAIN_FALSE:
		return new_node(r, cJSON_False);
	case YAML_PLAIN_NUMBER:
		return new_number(r, number);
	case YAML_PLAIN_TOO_LARGE:
		return fail(r, "the number is too large for a double; quote it if it is text");
	case YAML_PLAIN_ENDLESS:
		return fail(r, "infinities and NaN must be written in quotes");
	}
	return NULL;
}

/* The part of the tag after "tag:yaml.org,2002:", "str" for "!", "" for none, NULL for others. */
static const char *core_tag(struct reader *r, struct fy_event *event)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	struct fy_token *token = fy_event_get_tag_token(event);
	const char *tag;
	size_t n;

	if (!token)
		return "";
	tag = fy_token_get_text(token, &n);
	if (tag && n == 1 && tag[0] == '!')
		return "str";
	if (!tag || n < strlen(prefix) || memcmp(tag, prefix, strlen(prefix)) != 0)
		return NULL;
	return arena_strndup(r->arena, tag + strlen(prefix), n - strlen(prefix));
}

static bool tag_fits(const char *tag, const cJSON *v)
{
	static const struct {
		const char *tag;
		int types;
	} rules[] = {
		{"", -1},
		{"str", cJSON_String},
		{"int", cJSON_Number},
		{"float", cJSON_Number},
		{"bool", cJSON_True | cJSON_False},
		{"null", cJSON_NULL},
		{"map", cJSON_Object},
		{"seq", cJSON_Array},
	};

	for (size_t i = 0; tag && i < ARRAY_LEN(rules); i++)
		if (strcmp(rules[i].tag, tag) == 0)
			return (v->type & rules[i].types) &&
			       (strcmp(tag, "int") != 0 || v->valuedouble == floor(v->valuedouble));
	return false;
}

static cJSON *read_scalar(struct reader *r, struct fy_event *event)
{
	struct fy_token *token = fy_event_get_token(event);
	bool plain = !token || fy_token_scalar_style(token) == FYSS_PLAIN;
	const char *tag = core_tag(r, event);
	size_t n;
	const char *s = token_text(r, token, &n);

	if (!s)
		return NULL;
	if (tag && strcmp(tag, *tag || plain ? "str" : "") == 0)
		return new_string(r, s);
	return read_plain(r, s, n);
}

static cJSON *read_sequence(struct reader *r)
{
	cJSON *list = new_node(r, cJSON_Array);
	struct fy_event *event = NULL;

	while (list && (event = next_event(r)) != NULL && event->type != FYET_SEQUENCE_END) {
		cJSON *item = read_value(r, event);

		fy_parser_event_free(r->parser, event);
		event = NULL;
		if (!item)
			return NULL;
		append(list, item);
	}
	if (!event)
		return NULL;
	fy_parser_event_free(r->parser, event);
	return list;
}

/* A key as text, noted for the search for duplicates. */
static const char *read_key(struct reader *r, struct fy_event *event)
{
	const char *key;
	size_t n;

	if (event->type != FYET_SCALAR) {
		fail(r, "a key must be a plain or quoted text");
		return NULL;
	}
	key = token_text(r, fy_event_get_token(event), &n);
	if (!key)
		return NULL;
	if (strcmp(key, "<<") == 0 && fy_token_scalar_style(fy_event_get_token(event)) == FYSS_PLAIN) {
		fail(r, "merge keys (<<) are not supported; write the fields out");
		return NULL;
	}
	json_keys_push(&r->keys, (struct json_key){.s = key, .n = n, .at = r->at});
	return key;
}

/* Consumes the key's event and reads the value that follows. */
static cJSON *read_member(struct reader *r, struct fy_event *event)
{
	const char *key = read_key(r, event);
	cJSON *value;

	fy_parser_event_free(r->parser, event);
	event = key ? next_event(r) : NULL;
	if (!event)
		return NULL;
	value = read_value(r, event);
	fy_parser_event_free(r->parser, event);
	if (value)
		value->string = arena_strdup(r->arena, key);
	return value;
}

static cJSON *read_mapping(struct reader *r)
{
	cJSON *object = new_node(r, cJSON_Object);
	size_t mark = r->keys.n;
	const struct json_key *twice;
	struct fy_event *event = NULL;

	while (object && (event = next_event(r)) != NULL && event->type != FYET_MAPPING_END) {
		cJSON *member = read_member(r, event);

		event = NULL;
		if (!member)
			return NULL;
		append(object, member);
	}
	if (!event)
		return NULL;
	fy_parser_event_free(r->parser, event);
	twice = json_keys_close(&r->keys, mark);
	if (twice) {
		fail_at(r, twice->at, "the key occurs twice in its mapping");
		return NULL;
	}
	return object;
}

static cJSON *copy_tree(struct reader *r, const cJSON *v)
{
	cJSON *copy = new_node(r, v->type);

	if (!copy)
		return NULL;
	copy->valuestring = v->valuestring;
	copy->valuedouble = v->valuedouble;
	copy->valueint = v->valueint;
	if (v->child && r->depth == JSON_DEPTH_MAX)
		return fail(r, "nested deeper than 64 levels");
	r->depth++;
	json_each (item, v) {
		cJSON *child = copy_tree(r, item);

		if (!child)
			return NULL;
		child->string = item->string;
		append(copy, child);
	}
	r->depth--;
	return copy;
}

static cJSON *read_alias(struct reader *r, struct fy_event *event)
{
	size_t n;
	const char *name = token_text(r, fy_event_get_token(event), &n);

	if (!name)
		return NULL;
	for (const struct anchor *anchor = r->anchors; anchor; anchor = anchor->next)
		if (strcmp(anchor->name, name) == 0)
			return copy_tree(r, anchor->value);
	return fail(r, "the alias has no anchor before it");
}

/* From here on the anchor of `event`, if it has one, stands for v. */
static bool note_anchor(struct reader *r, struct fy_event *event, const cJSON *v)
{
	struct fy_token *token = fy_event_get_anchor_token(event);
	struct anchor *anchor;
	const char *name;
	size_t n;

	if (!token)
		return true;
	if (++r->anchors_n > ANCHORS_MAX)
		return fail_at(r, r->at, "more than 1000 anchors");
	name = token_text(r, token, &n);
	if (!name)
		return false;
	anchor = ARENA_NEW(r->arena, struct anchor);
	*anchor = (struct anchor){r->anchors, name, v};
	r->anchors = anchor;
	return true;
}

static cJSON *read_collection(struct reader *r, struct fy_event *event)
{
	cJSON *v;

	if (r->depth == JSON_DEPTH_MAX)
		return fail(r, "nested deeper than 64 levels");
	r->depth++;
	v = event->type == FYET_MAPPING_START ? read_mapping(r) : read_sequence(r);
	r->depth--;
	return v;
}

/* The value that begins with `event`, which stays the caller's. */
static cJSON *read_value(struct reader *r, struct fy_event *event)
{
	const char *from = r->at;
	cJSON *v;

	if (event->type == FYET_ALIAS)
		return read_alias(r, event);
	v = event->type == FYET_SCALAR ? read_scalar(r, event) : read_collection(r, event);
	if (v && !tag_fits(core_tag(r, event), v)) {
		fail_at(r, from, "the tag does not fit the value, or is not one of YAML's core schema");
		return NULL;
	}
	return v && note_anchor(r, event, v) ? v : NULL;
}

/* Between DOCUMENT_START and DOCUMENT_END. */
static const cJSON *read_document(struct reader *r)
{
	struct fy_event *event = next_event(r);
	const cJSON *v = event ? read_value(r, event) : NULL;

	r->anchors = NULL;
	r->anchors_n = 0;
	if (event)
		fy_parser_event_free(r->parser, event);
	return v;
}

static void add_document(struct reader *r, struct yaml_docs *out, const cJSON *v)
{
	if ((out->n & (out->n - 1)) == 0) { /* the room has always been a power of two */
		const cJSON **more = ARENA_NEW_N(r->arena, const cJSON *, out->n ? 2 * out->n : 1);

		if (out->n)
			memcpy(more, out->items, out->n * sizeof *more);
		out->items = more;
	}
	out->items[out->n++] = v;
}

static bool read_stream(struct reader *r, struct yaml_docs *out)
{
	for (;;) {
		struct fy_event *event = next_event(r);
		enum fy_event_type type;
		const cJSON *v;

		if (!event)
			return false;
		type = event->type;
		fy_parser_event_free(r->parser, event);
		if (type == FYET_STREAM_END)
			return true;
		if (type != FYET_DOCUMENT_START)
			continue;
		v = read_document(r);
		if (!v)
			return false;
		if (!cJSON_IsNull(v))
			add_document(r, out, v);
	}
}

bool yaml_parse_all(
	const char *text, size_t n, size_t max, struct arena *a, struct yaml_docs *out, struct err *e)
{
	struct reader r = {.text = text, .arena = a, .e = e, .at = text, .keys = {.arena = a}};
	struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE};
	struct fy_diag_cfg diag_config;
	bool ok = false;
	size_t bad;

	*out = (struct yaml_docs){0};
	if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* YAML allows a byte order mark */
		r.text = r.at = text += 3;
		n -= 3;
	}
	if (max && n > max)
		return err_set(e, ERR_TOO_LARGE, "the document has %zu bytes; at most %zu are allowed", n, max);
	bad = utf8_check(text, n);
	if (bad < n)
		return fail_at(&r, text + bad, text[bad] ? "the bytes are not UTF-8" : "a NUL byte");
	fy_diag_cfg_default(&diag_config);
	diag_config.fp = NULL;
	config.diag = r.diag = fy_diag_create(&diag_config);
	if (r.diag) {
		fy_diag_set_collect_errors(r.diag, true);
		r.parser = fy_parser_create(&config);
	}
	if (r.parser && fy_parser_set_string(r.parser, text, n) == 0)
		ok = read_stream(&r, out);
	else
		err_set(e, ERR_INTERNAL, "the YAML parser cannot be started");
	if (r.parser)
		fy_parser_destroy(r.parser);
	if (r.diag)
		fy_diag_destroy(r.diag);
	return ok;
}

const cJSON *yaml_parse(const char *text, size_t n, size_t max, struct arena *a, struct err *e)
{
	struct yaml_docs docs;

	if (!yaml_parse_all(text, n, max, a, &docs, e))
		return NULL;
	if (docs.n != 1) {
		err_set(e, ERR_MALFORMED, "the YAML text has %zu documents; one is wanted", docs.n);
		return NULL;
	}
	return docs.items[0];
}
