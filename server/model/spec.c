#include "server/model/spec.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "server/model/build.h"
#include "server/model/document.h"

/* ---- names ------------------------------------------------------------------------------------- */

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_alnum(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool name_valid(const char *s, size_t max)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t n = strlen(s);
	return n > 0 && n <= max && strspn(s, allowed) == n && is_lower(s[0]) && s[n - 1] != '-';
}

/* What Kubernetes allows: at most 63 letters, digits and - _ . with a letter or digit at both ends. */
static bool label_word_valid(const char *s, size_t n)
{
	if (n == 0 || n > 63 || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_alnum(s[i]) && strchr("-_.", s[i]) == NULL)
			return false;
	}
	return true;
}

static bool label_prefix_valid(const char *s, size_t n)
{
	if (n == 0 || n > 253 || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_lower(s[i]) && !(s[i] >= '0' && s[i] <= '9') && s[i] != '-' && s[i] != '.')
			return false;
	}
	return true;
}

static bool label_key_valid(const char *s)
{
	const char *slash = strchr(s, '/');
	if (slash == NULL)
		return label_word_valid(s, strlen(s));
	return label_prefix_valid(s, (size_t)(slash - s)) && label_word_valid(slash + 1, strlen(slash + 1));
}

/* ---- metadata ---------------------------------------------------------------------------------- */

static void check_names(struct build *b, const struct doc_metadata *d)
{
	const char *wanted = b->opt->namespace;
	if (d->name != NULL && build_clean(b, "/metadata/name") && !name_valid(d->name, SPEC_NAME_MAX))
		problem_add(b->p, "/metadata/name", "bad-name",
			"'%.80s' is not a name: at most %d lower-case letters, digits and '-', starting with a letter, "
			"not "
			"ending with '-'",
			d->name, SPEC_NAME_MAX);
	if (d->namespace == NULL || !build_clean(b, "/metadata/namespace"))
		return;
	if (!name_valid(d->namespace, SPEC_NAMESPACE_MAX))
		problem_add(
			b->p, "/metadata/namespace", "bad-name", "'%.80s' is not the name of a namespace", d->namespace);
	else if (wanted != NULL && strcmp(wanted, d->namespace) != 0)
		problem_add(b->p, "/metadata/namespace", "other-namespace",
			"the document says namespace %s, the address %s", d->namespace, wanted);
}

static void check_labels(struct build *b, const struct json_list *list)
{
	const struct json_pair *labels = list->items;
	for (size_t i = 0; i < list->n; i++) {
		const char *pointer = problem_path(b->p, "/metadata/labels", labels[i].key);
		const char *value = labels[i].value;
		if (!label_key_valid(labels[i].key))
			problem_add(b->p, pointer, "bad-label",
				"'%.80s' is not a label: [prefix/]name of at most 63 letters, digits and - _ .",
				labels[i].key);
		else if (value != NULL && value[0] != '\0' && !label_word_valid(value, strlen(value)))
			problem_add(b->p, pointer, "bad-label",
				"'%.80s' is not a label's value: at most 63 letters, digits and - _ .", value);
	}
}

static void build_metadata(struct build *b)
{
	const struct doc_metadata *d = b->d->metadata;
	struct experiment_spec *s = b->s;
	s->namespace = b->opt->namespace != NULL ? b->opt->namespace : "default";
	if (d == NULL)
		return;
	check_names(b, d);
	check_labels(b, &d->labels);
	s->name = d->name;
	s->namespace = arena_strdup(b->a, d->namespace != NULL ? d->namespace : s->namespace);
	s->labels = d->labels.items;
	s->n_labels = d->labels.n;
	s->annotations = d->annotations.items;
	s->n_annotations = d->annotations.n;
}

/* ---- the whole --------------------------------------------------------------------------------- */

bool build_clean(const struct build *b, const char *pointer)
{
	size_t n = strlen(pointer);
	if (b->p->n == PROBLEMS_MAX) /* further ones are not kept: who knows */
		return false;
	for (size_t i = 0; i < b->p->n; i++) {
		const char *at = b->p->items[i].pointer;
		if (strncmp(at, pointer, n) == 0 && (at[n] == '\0' || at[n] == '/'))
			return false;
	}
	return true;
}

static void build_spec(struct build *b)
{
	build_objectives(b);
	build_parameters(b);
	build_conditions(b);
	build_resource(b);
	build_space(b);
	build_budget(b);
	build_constraints(b);
	build_algorithm(b);
	build_initial_trials(b);
	build_warm_start(b);
	build_stop_when(b);
	build_early_stopping(b);
	build_trial(b);
	build_notify(b);
}

bool spec_from_json(const cJSON *doc, const struct spec_options *opt, struct arena *a,
	const struct experiment_spec **out, struct problems *p, struct problems *warnings)
{
	static const struct spec_options no_options = {0};
	assert(p->arena == a && (warnings == NULL || warnings->arena == a));
	struct problems *unheard = NULL;
	if (warnings == NULL) {
		unheard = ARENA_NEW(a, struct problems);
		problems_init(unheard, a);
	}
	size_t before = p->total;
	struct document *d = ARENA_NEW(a, struct document);
	struct build b = {
		.a = a,
		.p = p,
		.warnings = warnings != NULL ? warnings : unheard,
		.opt = opt != NULL ? opt : &no_options,
		.d = d,
		.s = ARENA_NEW(a, struct experiment_spec),
	};
	bool decoded = json_decode(doc, document_fields, d, "", p);
	build_metadata(&b);
	if (d->spec != NULL)
		build_spec(&b);
	if (!decoded || p->total > before)
		return false;
	assert(b.s->name != NULL && b.s->problem.space != NULL && b.s->algorithm.algorithm != NULL);
	*out = b.s;
	return true;
}

/* ---- looking ----------------------------------------------------------------------------------- */

int spec_parameter(const struct experiment_spec *s, const char *name)
{
	for (size_t i = 0; i < s->n_parameters; i++) {
		if (strcmp(s->parameters[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

int spec_objective(const struct experiment_spec *s, const char *metric)
{
	for (size_t i = 0; i < s->n_objectives; i++) {
		if (strcmp(s->objectives[i].metric, metric) == 0)
			return (int)i;
	}
	return -1;
}

const char *direction_name(enum direction d)
{
	return direction_names[d];
}

const char *strategy_name(enum strategy s)
{
	return strategy_names[s];
}

const char *param_type_name(enum param_type t)
{
	return param_type_names[t];
}

const char *param_distribution_name(enum param_distribution d)
{
	return distribution_names[d];
}

const char *executor_name(enum executor e)
{
	return e == EXECUTOR_DEFAULT ? NULL : executor_names[e - EXECUTOR_LOCAL];
}

const char *collector_name(enum collector c)
{
	return collector_names[c];
}
