/* The flags and steps that commands share which send documents: create, apply, validate, run. */
#pragma once
#include "cli/command.h"
#include "cli/input.h"
#include "cli/output.h"

struct document_values {
	struct option_list files, set;
	const char *name, *generate_name;
};

#define DOCUMENT_OPTIONS(T, m)                                                                                  \
	OPT_LIST(T, m.files, "filename", 'f', "FILE|URL|-", "Document to read, as YAML or JSON"),                   \
		OPT_LIST(T, m.set, "set", 0, "PATH=VALUE", "Replace a field, as in spec.budget.maxTrials=20"),          \
		OPT_STRING(T, m.name, "name", 0, "NAME", NULL, "Use this name in place of the document's"),             \
		OPT_STRING(T, m.generate_name, "generate-name", 0, "PREFIX", NULL, "Use this prefix and five characters")

/* Calls fn for every -f, with the changes that the other flags ask for; the first failure ends it. */
int documents_each(struct cli *c, const struct document_values *v,
	int (*fn)(struct cli *c, const char *source, const struct changes *changes));
bool document_changes(struct cli *c, const struct document_values *v, struct changes *out, struct err *e) MUSTCHECK;
/* POST to the experiments of the namespace; query may be NULL. */
bool document_post(struct cli *c, const struct document *d, const char *query, struct reply *out, struct err *e)
	MUSTCHECK;
/* "experiment/cnn-lr created", or what -o asks for. */
int document_print(struct cli *c, const struct output *o, const cJSON *experiment, const char *what);
