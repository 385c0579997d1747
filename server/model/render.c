#include "server/model/render.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "server/model/params.h"
#include "server/model/render_impl.h"
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

enum fact {
	TRIAL_NAME,
	TRIAL_NUMBER,
	TRIAL_ATTEMPT,
	TRIAL_SEED,
	TRIAL_NAMESPACE,
	EXPERIMENT_NAME,
	EXPERIMENT_NAMESPACE,
	BUDGET_STEPS,
	N_FACTS,
};

static const char *const fact_names[] = {"trial.name", "trial.number", "trial.attempt", "trial.seed",
	"trial.namespace", "experiment.name", "experiment.namespace", "budget.steps", NULL};

#define OF_PARAMETERS "trialParameters."
#define OF_SPEC "trialSpec."

/* What a placeholder stands for. */
struct meaning {
	enum { NOTHING, PARAMETER, FACT, TEXT } kind;
	int i;
	const char *text; /* of the manifest itself */
};

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

/* Takes a prefix off the name. */
static bool strip(struct piece *piece, const char *prefix)
{
	size_t n = strlen(prefix);
	if (piece->n <= n || strncmp(piece->s, prefix, n) != 0)
		return false;
	piece->s += n;
	piece->n -= n;
	return true;
}

/* Labels[key] and Annotations[key]: of the manifest as it was written. */
static struct meaning of_map(const struct piece *piece, const cJSON *manifest)
{
	static const struct {
		const char *prefix, *key;
	} maps[] = {{"Labels[", "labels"}, {"Annotations[", "annotations"}};
	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		struct piece key = *piece;
		if (!strip(&key, maps[i].prefix) || key.s[key.n - 1] != ']')
			continue;
		key.n--;
		json_each (item, json_get(json_get(manifest, "metadata"), maps[i].key)) {
			if (item->string != NULL && same(&key, item->string) && json_str(item) != NULL)
				return (struct meaning){TEXT, -1, json_str(item)};
		}
	}
	return (struct meaning){NOTHING, -1, NULL};
}

/* Katib's facts about a trial. */
static struct meaning of_spec(const struct piece *piece, const cJSON *manifest)
{
	const char *text = same(piece, "Kind") ? json_str(json_get(manifest, "kind"))
		: same(piece, "APIVersion")        ? json_str(json_get(manifest, "apiVersion"))
										   : NULL;
	if (text != NULL)
		return (struct meaning){TEXT, -1, text};
	if (same(piece, "Name"))
		return (struct meaning){FACT, TRIAL_NAME, NULL};
	if (same(piece, "Namespace"))
		return (struct meaning){FACT, TRIAL_NAMESPACE, NULL};
	return of_map(piece, manifest);
}

static struct meaning of_plain(const struct render_scope *scope, struct piece piece)
{
	int i = find(&piece, scope->names);
	if (i >= 0)
		return (struct meaning){PARAMETER, i, NULL};
	i = find(&piece, fact_names);
	if (i >= 0)
		return (struct meaning){FACT, i, NULL};
	return strip(&piece, OF_SPEC) ? of_spec(&piece, scope->manifest) : (struct meaning){NOTHING, -1, NULL};
}

/* A name of the template's own list leads to a parameter, or to "${trialSpec.…}". */
static struct meaning of_alias(const struct render_scope *scope, const struct piece *piece)
{
	for (size_t i = 0; i < scope->n_aliases; i++) {
		const char *reference = scope->aliases[i].reference;
		struct piece inner = {PLACEHOLDER, reference, strlen(reference)};
		if (!same(piece, scope->aliases[i].name))
			continue;
		if (scope->aliases_used != NULL)
			scope->aliases_used[i] = true;
		if (strip(&inner, "${"))
			inner.n--;
		return of_plain(scope, inner);
	}
	if (scope->n_aliases > 0)
		return (struct meaning){NOTHING, -1, NULL};
	return of_plain(scope, *piece);
}

static struct meaning resolve(const struct render_scope *scope, const struct piece *piece)
{
	struct meaning m = of_plain(scope, *piece);
	struct piece rest = *piece;
	return m.kind == NOTHING && strip(&rest, OF_PARAMETERS) ? of_alias(scope, &rest) : m;
}

static const char *const spec_names[] = {OF_SPEC "Name", OF_SPEC "Namespace", OF_SPEC "Kind", OF_SPEC "APIVersion"};

/* All that could have been meant. */
static const char **known_names(const struct render_scope *scope, struct arena *a)
{
	size_t n = 0, k = 0;
	while (scope->names[n] != NULL)
		n++;
	const char **all = arena_calloc(a, 2 * n + scope->n_aliases + N_FACTS + ARRAY_LEN(spec_names) + 1, sizeof *all);
	for (size_t i = 0; i < n; i++)
		all[k++] = scope->names[i];
	for (size_t i = 0; i < scope->n_aliases; i++)
		all[k++] = arena_printf(a, OF_PARAMETERS "%s", scope->aliases[i].name);
	for (size_t i = 0; i < n && scope->n_aliases == 0; i++)
		all[k++] = arena_printf(a, OF_PARAMETERS "%s", scope->names[i]);
	for (size_t i = 0; i < N_FACTS; i++)
		all[k++] = fact_names[i];
	for (size_t i = 0; i < ARRAY_LEN(spec_names); i++)
		all[k++] = spec_names[i];
	return all;
}

static bool unknown_placeholder(
	const struct piece *piece, const struct render_scope *scope, const char *pointer, struct problems *p)
{
	if (p->n == PROBLEMS_MAX) /* it is only counted: spare the list of names */
		return problem_add(p, pointer, "unknown-placeholder", "%s", "");
	return problem_unknown(p, pointer, "unknown-placeholder",
		"a parameter or a fact about the trial (write $${ for a literal ${)",
		arena_strndup(p->arena, piece->s, piece->n), known_names(scope, p->arena));
}

bool render_check(
	const char *text, const struct render_scope *scope, bool *used, const char *pointer, struct problems *p)
{
	bool ok = true;
	struct piece piece;
	while (next_piece(&text, &piece)) {
		if (piece.kind == LITERAL)
			continue;
		struct meaning m = resolve(scope, &piece);
		if (m.kind == PARAMETER)
			used[m.i] = true;
		else if (m.kind == NOTHING && p != NULL)
			unknown_placeholder(&piece, scope, pointer, p);
		ok = ok && m.kind != NOTHING;
	}
	return ok;
}

/* ---- values ------------------------------------------------------------------------------------ */

struct render_scope render_scope_of(const struct experiment_spec *s)
{
	return (struct render_scope){.names = s->parameter_names,
		.manifest = s->trial.manifest,
		.aliases = s->trial.aliases,
		.n_aliases = s->trial.n_aliases};
}

static struct meaning meaning_of(const struct trial_facts *t, const struct piece *piece)
{
	struct render_scope scope = render_scope_of(t->spec);
	return resolve(&scope, piece);
}

static void add_fact(const struct trial_facts *t, enum fact fact, struct strbuf *out)
{
	const struct experiment_spec *s = t->spec;
	switch (fact) {
	case TRIAL_NAME:
		strbuf_puts(out, t->name);
		break;
	case TRIAL_NUMBER:
		strbuf_printf(out, "%" PRId64, t->number);
		break;
	case TRIAL_ATTEMPT:
		strbuf_printf(out, "%" PRId64, t->attempt);
		break;
	case TRIAL_SEED:
		strbuf_printf(out, "%" PRId64, t->seed);
		break;
	case TRIAL_NAMESPACE:
		strbuf_puts(out, s->trial.namespace != NULL ? s->trial.namespace : s->namespace);
		break;
	case EXPERIMENT_NAME:
		strbuf_puts(out, s->name);
		break;
	case EXPERIMENT_NAMESPACE:
		strbuf_puts(out, s->namespace);
		break;
	case BUDGET_STEPS:
		if (t->budget_steps > 0)
			strbuf_printf(out, "%" PRId64, t->budget_steps);
		break;
	case N_FACTS:
		break;
	}
}

static void add_meaning(const struct trial_facts *t, struct meaning m, struct strbuf *out)
{
	char buf[NUM_MAX];
	const char *value = m.text;
	if (m.kind == FACT)
		add_fact(t, (enum fact)m.i, out);
	if (m.kind == PARAMETER)
		value = param_text(t->spec, (size_t)m.i, t->x[m.i], buf);
	if (value != NULL)
		strbuf_puts(out, value);
}

void render_add(const struct trial_facts *t, const char *text, struct strbuf *out)
{
	struct piece piece;
	while (next_piece(&text, &piece)) {
		if (piece.kind == LITERAL)
			strbuf_add(out, piece.s, piece.n);
		else
			add_meaning(t, meaning_of(t, &piece), out);
	}
}

const char *render_text(const struct trial_facts *t, const char *text, struct arena *a)
{
	struct strbuf b;
	strbuf_init(&b, SIZE_MAX);
	render_add(t, text, &b);
	const char *out = arena_strndup(a, b.data, b.len);
	strbuf_free(&b);
	return out;
}

/* `prefix`: an "option=" may stand in front. */
static int sole_parameter(const struct trial_facts *t, const char *text, bool prefix)
{
	struct piece piece;
	const char *rest = text;
	if (!next_piece(&rest, &piece))
		return -1;
	if (prefix && piece.kind == LITERAL && piece.s[piece.n - 1] == '=' && !next_piece(&rest, &piece))
		return -1;
	if (piece.kind != PLACEHOLDER || *rest != '\0')
		return -1;
	struct meaning m = meaning_of(t, &piece);
	return m.kind == PARAMETER ? m.i : -1;
}

int render_sole_parameter(const struct trial_facts *t, const char *text)
{
	return sole_parameter(t, text, false);
}

bool render_vanishes(const struct trial_facts *t, const char *text)
{
	int i = sole_parameter(t, text, true);
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
		if (render_vanishes(t, trial->command[i]))
			continue;
		strbuf_reset(&b);
		render_add(t, trial->command[i], &b);
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
