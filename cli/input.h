/*
 * Documents as commands take them: -f FILE, - or URL, in YAML or JSON, with single fields replaced
 * by --set and the name by --name. What needs no change is sent on as it was written. A relative
 * spec.trial.workingDirectory in a file becomes the whole path, seen from the file's folder.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/options.h"

struct arena;
struct json_writer;
struct strbuf;

struct document {
	const char *text;
	size_t len;
	const char *content_type;       /* application/json or application/yaml */
	const cJSON *tree;
	const char *name;               /* metadata.name after the changes, or NULL */
};

/* One replaced field: "spec.budget.maxTrials" and its JSON text. */
struct change { const char *path; const char *json; };
struct changes { struct change *items; size_t n, cap; };

/* "spec.budget.maxTrials=20": the value is JSON where it reads as such, else a string. */
bool changes_add(struct changes *c, struct arena *a, const char *assignment, struct err *e) MUSTCHECK;
void changes_set(struct changes *c, struct arena *a, const char *path, const char *json);
/* The tree with the changes made, as JSON. Paths go through arrays by number. */
void changes_write(struct json_writer *w, const char *key, const cJSON *v, const struct changes *c, const char *prefix);

bool document_read(const char *source, const struct changes *changes, struct arena *a, struct document *out,
	struct err *e) MUSTCHECK;
bool document_parse(const char *text, size_t n, const char *source, const struct changes *changes, struct arena *a,
	struct document *out, struct err *e) MUSTCHECK;

const char *text_json(struct arena *a, const char *text);       /* a JSON string */
/* JSON text of a word: itself where it is a number, true, false, null, else a JSON string. */
const char *word_json(struct arena *a, const char *word);
/* "lr=0.01" words as a JSON object, e.g. parameters or values. */
bool words_object(struct arena *a, const char *const *words, size_t n, const char **json, struct err *e) MUSTCHECK;
/* "trial-7hq2x": the prefix and five characters of chance. */
const char *generate_name(struct arena *a, const char *prefix);
/* "NAME/TRIAL" in two; *trial is NULL without a slash. */
void split_trial(struct arena *a, const char *arg, const char **name, const char **trial);
