#include "cli/input.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/arena.h"
#include "lib/file.h"
#include "lib/http_client.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "lib/yaml.h"

enum { DOCUMENT_MAX = 4 << 20, NAME_PREFIX_MAX = 34 };

/* ---- changes ---- */

void changes_set(struct changes *c, struct arena *a, const char *path, const char *json)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 8;
		struct change *items = arena_alloc(a, cap * sizeof *items);

		if (c->n)
			memcpy(items, c->items, c->n * sizeof *items);
		c->items = items;
		c->cap = cap;
	}
	c->items[c->n++] = (struct change){path, json};
}

const char *text_json(struct arena *a, const char *text)
{
	struct strbuf b;
	struct json_writer w;
	const char *json;

	strbuf_init(&b, DOCUMENT_MAX);
	jw_init(&w, &b);
	jw_str(&w, NULL, text);
	json = arena_strdup(a, b.data);
	strbuf_free(&b);
	return json;
}

const char *word_json(struct arena *a, const char *word)
{
	char number[NUM_MAX];
	double x;

	if (num_parse(word, strlen(word), false, &x) || strcmp(word, "true") == 0 || strcmp(word, "false") == 0 ||
		strcmp(word, "null") == 0) {
		if (json_parse(word, strlen(word), 0, a, NULL))
			return word;
		num_format(number, x); /* "+1" and ".5" are numbers but no JSON */
		return arena_strdup(a, number);
	}
	return text_json(a, word);
}

bool changes_add(struct changes *c, struct arena *a, const char *assignment, struct err *e)
{
	const char *equals = strchr(assignment, '=');
	const char *value = equals ? equals + 1 : NULL;

	if (!equals || equals == assignment)
		return err_set(
			e, ERR_INVALID, "--set: '%s' is not PATH=VALUE, as in spec.budget.maxTrials=20", assignment);
	if (!(*value && strchr("[{\"", *value) && json_parse(value, strlen(value), 0, a, NULL)))
		value = word_json(a, value);
	changes_set(c, a, arena_strndup(a, assignment, (size_t)(equals - assignment)), value);
	return true;
}

/* The last change whose path is exactly this, or NULL. */
static const char *change_at(const struct changes *c, const char *path)
{
	const char *json = NULL;

	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->items[i].path, path) == 0)
			json = c->items[i].json;
	return json;
}

/* Does a change reach below this path? Then *next is the word after it. */
static bool change_below(const struct change *x, const char *prefix, char next[128])
{
	size_t n = strlen(prefix), word;

	if (n && (strncmp(x->path, prefix, n) != 0 || x->path[n] != '.'))
		return false;
	word = strcspn(x->path + n + (n > 0), ".");
	snprintf(next, 128, "%.*s", (int)word, x->path + n + (n > 0));
	return word > 0;
}

static bool any_below(const struct changes *c, const char *prefix)
{
	char next[128];

	for (size_t i = 0; i < c->n; i++)
		if (change_below(&c->items[i], prefix, next))
			return true;
	return false;
}

static void join(char out[256], const char *prefix, const char *word)
{
	snprintf(out, 256, "%s%s%s", prefix, *prefix ? "." : "", word);
}

/* Fields that the document lacks and a change names, each once. */
static void write_new(struct json_writer *w, const cJSON *v, const struct changes *c, const char *prefix)
{
	char next[128], other[128], path[256];

	for (size_t i = 0; i < c->n; i++) {
		bool seen = !change_below(&c->items[i], prefix, next) || json_get(v, next);

		for (size_t j = 0; j < i && !seen; j++)
			seen = change_below(&c->items[j], prefix, other) && strcmp(other, next) == 0;
		if (seen)
			continue;
		join(path, prefix, next);
		changes_write(w, next, NULL, c, path);
	}
}

void changes_write(
	struct json_writer *w, const char *key, const cJSON *v, const struct changes *c, const char *prefix)
{
	const char *json = change_at(c, prefix);
	char path[256], number[NUM_MAX];
	int64_t i = 0;

	if (json) {
		jw_raw(w, key, json);
		return;
	}
	if (!any_below(c, prefix)) {
		jw_value(w, key, v);
		return;
	}
	if (json_is_array(v)) {
		jw_array(w, key);
		json_each(item, v) {
			num_format_i64(number, i++);
			join(path, prefix, number);
			changes_write(w, NULL, item, c, path);
		}
		jw_end(w);
		return;
	}
	jw_object(w, key);
	json_each(item, v) {
		join(path, prefix, item->string);
		changes_write(w, item->string, item, c, path);
	}
	write_new(w, v, c, prefix);
	jw_end(w);
}

/* ---- documents ---- */

static bool fetch(const char *url, struct arena *a, const char **text, size_t *n, struct err *e)
{
	struct http_answer answer;

	if (!http_fetch(
			NULL, &(struct http_call){.url = url, .follow = true, .max_body = DOCUMENT_MAX}, a, &answer, e))
		return false;
	if (answer.status != 200)
		return err_set(
			e, answer.status == 404 ? ERR_NOT_FOUND : ERR_UNAVAILABLE, "%s answered %d", url, answer.status);
	*text = answer.body;
	*n = answer.body_len;
	return true;
}

static bool looks_like_json(const char *text)
{
	text += strspn(text, " \t\r\n");
	return *text == '{';
}

static void apply_changes(struct document *d, const struct changes *changes, struct arena *a)
{
	struct strbuf b;
	struct json_writer w;

	strbuf_init(&b, 2 * DOCUMENT_MAX);
	jw_init(&w, &b);
	changes_write(&w, NULL, d->tree, changes, "");
	d->text = arena_strdup(a, b.data);
	d->len = b.len;
	d->content_type = "application/json";
	d->tree = json_parse(d->text, d->len, 0, a, NULL);
	strbuf_free(&b);
}

bool document_parse(const char *text, size_t n, const char *source, const struct changes *changes,
	struct arena *a, struct document *out, struct err *e)
{
	bool json = looks_like_json(text);
	struct err inner = {0};

	*out = (struct document){
		.text = text, .len = n, .content_type = json ? "application/json" : "application/yaml"};
	out->tree = json ? json_parse(text, n, 0, a, &inner) : yaml_parse(text, n, 0, a, &inner);
	if (!out->tree)
		return err_set(e, inner.code, "%s: %s", source, inner.detail);
	if (changes && changes->n)
		apply_changes(out, changes, a);
	out->name = json_str(json_at(out->tree, "/metadata/name"));
	return true;
}

/* The server runs somewhere else: a relative folder in a document means one beside the document. What
 * runs in a container is the container's business. */
static bool settle_folder(const char *source, struct arena *a, struct document *d, struct err *e)
{
	const char *folder = json_str(json_at(d->tree, "/spec/trial/workingDirectory"));
	const char *executor = json_str(json_at(d->tree, "/spec/trial/executor"));
	const bool contained =
		json_at(d->tree, "/spec/trial/image") || (executor && strcmp(executor, "kubernetes") == 0);
	const char *slash = strrchr(source, '/');
	const char *beside =
		strcmp(source, "-") == 0 || !slash ? "." : arena_strndup(a, source, (size_t)(slash - source + 1));
	struct changes change = {0};
	char whole[PATH_MAX];

	if (!folder || contained || *folder == '/' || strncmp(folder, "${", 2) == 0)
		return true;
	if (!realpath(file_join(a, beside, folder), whole))
		return err_set(e, ERR_INVALID, "%s: workingDirectory '%s': %s", source, folder, strerror(errno));
	changes_set(&change, a, "spec.trial.workingDirectory", text_json(a, whole));
	apply_changes(d, &change, a);
	return true;
}

bool document_read(
	const char *source, const struct changes *changes, struct arena *a, struct document *out, struct err *e)
{
	const char *text;
	size_t n;

	if (strncmp(source, "http://", 7) == 0 || strncmp(source, "https://", 8) == 0)
		return fetch(source, a, &text, &n, e) && document_parse(text, n, source, changes, a, out, e);
	text = file_read(source, DOCUMENT_MAX, a, &n, e);
	return text &&
	       document_parse(
			   text, n, strcmp(source, "-") == 0 ? "standard input" : source, changes, a, out, e) &&
	       settle_folder(source, a, out, e);
}

/* ---- small words ---- */

bool words_object(struct arena *a, const char *const *words, size_t n, const char **json, struct err *e)
{
	struct strbuf b;
	struct json_writer w;
	bool ok = true;

	strbuf_init(&b, DOCUMENT_MAX);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	for (size_t i = 0; i < n && ok; i++) {
		const char *equals = strchr(words[i], '=');

		if (!equals || equals == words[i])
			ok = err_set(e, ERR_INVALID, "'%s' is not NAME=VALUE", words[i]);
		else
			jw_raw(&w, arena_strndup(a, words[i], (size_t)(equals - words[i])), word_json(a, equals + 1));
	}
	jw_end(&w);
	*json = arena_strdup(a, b.data);
	strbuf_free(&b);
	return ok;
}

const char *generate_name(struct arena *a, const char *prefix)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char chance[5];
	char name[NAME_PREFIX_MAX + 1], tail[sizeof chance + 1] = "";
	size_t n = 0;

	for (const char *p = prefix; *p && n < NAME_PREFIX_MAX; p++) {
		char c = (char)tolower((unsigned char)*p);

		if (isalpha((unsigned char)c) || (n && (isdigit((unsigned char)c) || c == '-')))
			name[n++] = c;
		else if (n && name[n - 1] != '-')
			name[n++] = '-';
	}
	while (n && name[n - 1] == '-')
		n--;
	if (getrandom(chance, sizeof chance, 0) != (ssize_t)sizeof chance)
		memset(chance, 0, sizeof chance);
	for (size_t i = 0; i < sizeof chance; i++)
		tail[i] = letters[chance[i] % 32];
	return arena_printf(a, "%.*s-%s", n ? (int)n : 3, n ? name : "run", tail);
}

void split_trial(struct arena *a, const char *arg, const char **name, const char **trial)
{
	const char *slash = strchr(arg, '/');

	*name = slash ? arena_strndup(a, arg, (size_t)(slash - arg)) : arg;
	*trial = slash && slash[1] ? slash + 1 : NULL;
}
