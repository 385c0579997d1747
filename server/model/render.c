#include "server/model/render.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "server/model/params.h"
#include "server/model/spec.h"

enum { PARAMS_VARIABLE_MAX = 64 * 1024 }; /* Linux allows 128 KiB for one variable */

/* ---- the grammar ------------------------------------------------------------------------------- */

struct piece {
	enum { LITERAL, PLACEHOLDER } kind;
	const char *s; /* PLACEHOLDER: the name between the braces */
	size_t n;
};

/* Takes the next piece off *text; false at the end. */
static bool next_piece(const char **text, struct piece *out)
{
	const char *s = *text;
	if (*s == '\0')
		return false;
	if (strncmp(s, "$${", 3) == 0) {
		*out = (struct piece){LITERAL, s + 1, 2};
		*text = s + 3;
		return true;
	}
	const char *close = strncmp(s, "${", 2) == 0 ? strchr(s, '}') : NULL;
	if (close != NULL) {
		*out = (struct piece){PLACEHOLDER, s + 2, (size_t)(close - s - 2)};
		*text = close + 1;
		return true;
	}
	/* A lone $ is taken with what follows it. */
	size_t n = 1 + strcspn(s + 1, "$");
	*out = (struct piece){LITERAL, s, n};
	*text = s + n;
	return true;
}

static const char *const fact_names[] = {"trial.name", "trial.number", "trial.attempt", "trial.seed",
	"experiment.name", "experiment.namespace", "budget.steps", NULL};

static bool same(const struct piece *piece, const char *name)
{
	return strncmp(piece->s, name, piece->n) == 0 && name[piece->n] == '\0';
}

static int find(const struct piece *piece, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++) {
		if (same(piece, names[i]))
			return i;
	}
	return -1;
}

static bool unknown_placeholder(
	const struct piece *piece, const char *const *names, const char *pointer, struct problems *p)
{
	size_t n = 0;
	if (p->n == PROBLEMS_MAX) /* it is only counted: spare the list of names */
		return problem_add(p, pointer, "unknown-placeholder", "%s", "");
	while (names[n] != NULL)
		n++;
	const char **all = arena_calloc(p->arena, n + ARRAY_LEN(fact_names), sizeof *all);
	for (size_t i = 0; i < n; i++)
		all[i] = names[i];
	for (size_t i = 0; i < ARRAY_LEN(fact_names); i++)
		all[n + i] = fact_names[i];
	return problem_unknown(p, pointer, "unknown-placeholder",
		"a parameter or a fact about the trial (write $${ for a literal ${)",
		arena_strndup(p->arena, piece->s, piece->n), all);
}

bool render_check(const char *text, const char *const *names, bool *used, const char *pointer, struct problems *p)
{
	bool ok = true;
	struct piece piece;
	while (next_piece(&text, &piece)) {
		if (piece.kind == LITERAL || find(&piece, fact_names) >= 0)
			continue;
		int i = find(&piece, names);
		if (i >= 0)
			used[i] = true;
		else if (p != NULL)
			unknown_placeholder(&piece, names, pointer, p);
		ok = ok && i >= 0;
	}
	return ok;
}

/* ---- values ------------------------------------------------------------------------------------ */

static int find_parameter(const struct experiment_spec *s, const struct piece *piece)
{
	for (size_t i = 0; i < s->n_parameters; i++) {
		if (same(piece, s->parameters[i].name))
			return (int)i;
	}
	return -1;
}

static void add_fact(const struct trial_facts *t, const struct piece *piece, struct strbuf *out)
{
	if (same(piece, "trial.name"))
		strbuf_puts(out, t->name);
	else if (same(piece, "trial.number"))
		strbuf_printf(out, "%" PRId64, t->number);
	else if (same(piece, "trial.attempt"))
		strbuf_printf(out, "%" PRId64, t->attempt);
	else if (same(piece, "trial.seed"))
		strbuf_printf(out, "%" PRId64, t->seed);
	else if (same(piece, "experiment.name"))
		strbuf_puts(out, t->spec->name);
	else if (same(piece, "experiment.namespace"))
		strbuf_puts(out, t->spec->namespace);
	else if (same(piece, "budget.steps") && t->budget_steps > 0)
		strbuf_printf(out, "%" PRId64, t->budget_steps);
}

static void add_text(const struct trial_facts *t, const char *text, struct strbuf *out)
{
	struct piece piece;
	while (next_piece(&text, &piece)) {
		if (piece.kind == LITERAL) {
			strbuf_add(out, piece.s, piece.n);
			continue;
		}
		int i = find_parameter(t->spec, &piece);
		char buf[NUM_MAX];
		const char *value = i >= 0 ? param_text(t->spec, (size_t)i, t->x[i], buf) : NULL;
		if (value != NULL)
			strbuf_puts(out, value);
		else if (i < 0)
			add_fact(t, &piece, out);
	}
}

const char *render_text(const struct trial_facts *t, const char *text, struct arena *a)
{
	struct strbuf b;
	strbuf_init(&b, SIZE_MAX);
	add_text(t, text, &b);
	const char *out = arena_strndup(a, b.data, b.len);
	strbuf_free(&b);
	return out;
}

/* The parameter whose placeholder is all there is, or all but an "option=" in front (`prefix`), else -1. */
static int sole_parameter(const struct experiment_spec *s, const char *text, bool prefix)
{
	struct piece piece;
	const char *rest = text;
	if (!next_piece(&rest, &piece))
		return -1;
	if (prefix && piece.kind == LITERAL && piece.s[piece.n - 1] == '=' && !next_piece(&rest, &piece))
		return -1;
	if (piece.kind != PLACEHOLDER || *rest != '\0')
		return -1;
	return find_parameter(s, &piece);
}

static bool vanishes(const struct trial_facts *t, const char *text)
{
	int i = sole_parameter(t->spec, text, true);
	return i >= 0 && isnan(t->x[i]);
}

char **render_command(const struct trial_facts *t, struct arena *a, size_t *n)
{
	const struct trial_template *trial = &t->spec->trial;
	struct strbuf b;
	strbuf_init(&b, SIZE_MAX);
	char **out = arena_calloc(a, trial->n_command + 1, sizeof *out);
	*n = 0;
	for (size_t i = 0; i < trial->n_command; i++) {
		if (vanishes(t, trial->command[i]))
			continue;
		strbuf_reset(&b);
		add_text(t, trial->command[i], &b);
		out[(*n)++] = arena_strndup(a, b.data, b.len);
	}
	strbuf_free(&b);
	return out;
}

/* ---- environment ------------------------------------------------------------------------------- */

bool env_name_reserved(const char *name)
{
	return strncmp(name, "TRIMTAB_", 8) == 0 || strcmp(name, "KATIB_TRIAL_NAME") == 0;
}

struct env_list {
	struct arena *a;
	char **items;
	size_t n;
};

static void env_str(struct env_list *e, const char *name, const char *value)
{
	if (value != NULL)
		e->items[e->n++] = arena_printf(e->a, "%s=%s", name, value);
}

static void env_int(struct env_list *e, const char *name, int64_t value)
{
	e->items[e->n++] = arena_printf(e->a, "%s=%" PRId64, name, value);
}

enum { OWN_VARIABLES = 18 };

static void env_own(struct env_list *e, const struct trial_facts *t)
{
	const char *params = params_json(t->spec, t->x, e->a);
	env_str(e, "TRIMTAB_TRIAL_URL", t->trial_url);
	env_str(e, "TRIMTAB_TOKEN", t->token);
	env_str(e, "TRIMTAB_NAMESPACE", t->spec->namespace);
	env_str(e, "TRIMTAB_EXPERIMENT", t->spec->name);
	env_str(e, "TRIMTAB_TRIAL", t->name);
	env_int(e, "TRIMTAB_TRIAL_NUMBER", t->number);
	env_int(e, "TRIMTAB_ATTEMPT", t->attempt);
	env_int(e, "TRIMTAB_SEED", t->seed);
	if (strlen(params) <= PARAMS_VARIABLE_MAX)
		env_str(e, "TRIMTAB_PARAMS", params);
	env_str(e, "TRIMTAB_PARAMS_FILE", t->params_file);
	env_str(e, "TRIMTAB_OBJECTIVE", t->spec->objectives[0].metric);
	env_str(e, "TRIMTAB_DIRECTION", direction_name(t->spec->objectives[0].direction));
	if (t->budget_steps > 0)
		env_int(e, "TRIMTAB_BUDGET_STEPS", t->budget_steps);
	if (t->parent > 0)
		env_int(e, "TRIMTAB_PARENT_NUMBER", t->parent);
	env_str(e, "TRIMTAB_CHECKPOINT_DIR", t->checkpoint_dir);
	env_str(e, "TRIMTAB_STOP_FILE", t->stop_file);
	env_str(e, "TRIMTAB_SPOOL", t->spool);
	env_str(e, "KATIB_TRIAL_NAME", t->name);
	assert(e->n <= OWN_VARIABLES);
}

char **render_env(const struct trial_facts *t, struct arena *a, size_t *n)
{
	const struct trial_template *trial = &t->spec->trial;
	struct env_list e = {a, arena_calloc(a, OWN_VARIABLES + trial->n_env + 1, sizeof *e.items), 0};
	env_own(&e, t);
	for (size_t i = 0; i < trial->n_env; i++)
		env_str(&e, trial->env[i].name, render_text(t, trial->env[i].value, a));
	*n = e.n;
	return e.items;
}

/* ---- manifest ---------------------------------------------------------------------------------- */

static void write_tree(struct json_writer *w, const char *key, const cJSON *v, bool text,
	const struct trial_facts *t, struct strbuf *scratch);

static void write_string(struct json_writer *w, const char *key, const char *s, bool text,
	const struct trial_facts *t, struct strbuf *scratch)
{
	int i = text ? -1 : sole_parameter(t->spec, s, false);
	if (i >= 0) {
		param_write(w, key, &t->spec->parameters[i], t->x[i]);
		return;
	}
	strbuf_reset(scratch);
	add_text(t, s, scratch);
	jw_strn(w, key, scratch->data, scratch->len);
}

static bool all_strings(const cJSON *list)
{
	json_each (item, list) {
		if (json_str(item) == NULL)
			return false;
	}
	return true;
}

/* Fields that hold strings whatever they look like. */
static bool holds_text(const char *key)
{
	static const char *const keys[] = {
		"value", "labels", "annotations", "matchLabels", "nodeSelector", "data", "stringData", NULL};
	for (size_t i = 0; keys[i] != NULL; i++) {
		if (strcmp(keys[i], key) == 0)
			return true;
	}
	return false;
}

static void write_children(
	struct json_writer *w, const cJSON *v, bool text, const struct trial_facts *t, struct strbuf *scratch)
{
	json_each (item, v) {
		if (json_str(item) != NULL && vanishes(t, json_str(item)))
			continue;
		bool field = item->string != NULL;
		write_tree(w, item->string, item, text || (field && holds_text(item->string)), t, scratch);
	}
	jw_end(w);
}

static void write_tree(struct json_writer *w, const char *key, const cJSON *v, bool text,
	const struct trial_facts *t, struct strbuf *scratch)
{
	if (json_str(v) != NULL) {
		write_string(w, key, json_str(v), text, t, scratch);
	} else if (json_is_object(v)) {
		jw_object(w, key);
		write_children(w, v, text, t, scratch);
	} else if (json_is_array(v)) {
		jw_array(w, key);
		write_children(w, v, text || all_strings(v), t, scratch);
	} else {
		jw_value(w, key, v);
	}
}

const cJSON *render_manifest(const struct trial_facts *t, struct arena *a)
{
	if (t->spec->trial.manifest == NULL)
		return NULL;
	struct strbuf out, scratch;
	struct json_writer w;
	struct err e;
	strbuf_init(&out, SIZE_MAX);
	strbuf_init(&scratch, SIZE_MAX);
	jw_init(&w, &out);
	write_tree(&w, NULL, t->spec->trial.manifest, false, t, &scratch);
	const cJSON *tree = json_parse(out.data, out.len, 0, a, &e);
	assert(tree != NULL);
	strbuf_free(&scratch);
	strbuf_free(&out);
	return tree;
}
