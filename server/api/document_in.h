/*
 * An experiment document out of a request: JSON or YAML, checked completely.
 */
#pragma once
#include <stdbool.h>

#include "lib/attr.h"
#include "lib/json.h"

struct experiment_spec;
struct http_req;
struct problems;

#define DOCUMENT_MEDIA                                                                                \
	"application/json application/yaml application/x-yaml text/yaml text/x-yaml"

/* What becomes of fields that are not known: ?fieldValidation=, as in Kubernetes. */
enum field_validation { FIELDS_STRICT = 0, FIELDS_WARN, FIELDS_IGNORE };
extern const char *const field_validation_names[];

/* The body as a tree, by its media type; NULL and answered when that fails. */
const cJSON *body_tree(struct http_req *req) MUSTCHECK;

/* The body as a spec. `ns` NULL: the document's own namespace, or "default". Advice goes to Warning
 * headers and, unless NULL, to `warnings`. NULL and answered when the document has errors. */
const struct experiment_spec *body_spec(struct http_req *req, const char *ns, enum field_validation how,
	struct problems *warnings) MUSTCHECK;
