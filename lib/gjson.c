#include "lib/gjson.h"

#include <limits.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/gjson_impl.h"

struct search {
	struct arena *a;
	size_t steps;                   /* left of GJSON_STEPS_MAX */
};

static const cJSON *find(struct search *s, const struct gjson *q, const cJSON *v);

enum { NODE_STEPS = 16 };       /* memory counts as work */

static bool steps(struct search *s, size_t n)
{
	s->steps -= n < s->steps ? n : s->steps;
	return s->steps > 0;
}

static bool step(struct search *s)
{
	return steps(s, 1);
}

/* ---- lists that a query makes ------------------------------------------------------------------ */

static cJSON *new_list(struct search *s)
{
	cJSON *list = ARENA_NEW(s->a, cJSON);

	steps(s, NODE_STEPS);
	list->type = cJSON_Array;
	return list;
}

/* The node is copied, what hangs on it is not. `last` is the node before. */
static void append(struct search *s, cJSON *list, cJSON **last, const cJSON *v)
{
	cJSON *copy = arena_dup(s->a, v, sizeof *v);

	steps(s, NODE_STEPS);
	copy->string = NULL;
	copy->next = NULL;
	copy->prev = *last;
	if (*last)
		(*last)->next = copy;
	else
		list->child = copy;
	*last = copy;
}

static const cJSON *new_number(struct search *s, size_t n)
{
	cJSON *v = ARENA_NEW(s->a, cJSON);

	v->type = cJSON_Number;
	v->valuedouble = (double)n;
	v->valueint = n > INT_MAX ? INT_MAX : (int)n;
	return v;
}

/* ---- comparisons ------------------------------------------------------------------------------- */

static size_t utf8_size(const char *p)
{
	size_t n = 1;

	while (((unsigned char)p[n] & 0xC0) == 0x80)
		n++;
	return n;
}

/* One character of the pattern at *p against one of the text; both are moved on. */
static bool like_one(const char **p, const char **t)
{
	size_t n;

	if (**p == '?') {
		++*p;
		*t += utf8_size(*t);
		return true;
	}
	if (**p == '\\' && *++*p == '\0')
		return false;
	n = utf8_size(*p);
	if (strncmp(*p, *t, n) != 0)
		return false;
	*p += n;
	*t += n;
	return true;
}

/* * is any characters, ? is one, \ takes the next one as it is. */
static bool like(struct search *s, const char *t, const char *p)
{
	const char *star = NULL, *from = NULL;

	while (*t && step(s)) {
		if (*p == '*') {
			star = ++p;
			from = t;
		} else if (*p == '\0' || !like_one(&p, &t)) {
			if (!star)
				return false;
			p = star;
			from += utf8_size(from);
			t = from;
		}
	}
	while (*p == '*')
		p++;
	return *t == '\0' && *p == '\0';
}

static bool holds_string(struct search *s, const struct gjson *q, const char *v)
{
	int order = strcmp(v, q->right);

	switch (q->op) {
	case OP_EXISTS:
		return true;
	case OP_EQ:
		return order == 0;
	case OP_NE:
		return order != 0;
	case OP_LT:
		return order < 0;
	case OP_LE:
		return order <= 0;
	case OP_GT:
		return order > 0;
	case OP_GE:
		return order >= 0;
	case OP_LIKE:
		return like(s, v, q->right);
	case OP_UNLIKE:
		return !like(s, v, q->right);
	}
	return false;
}

static bool holds_number(const struct gjson *q, double v)
{
	switch (q->op) {
	case OP_EXISTS:
		return true;
	case OP_EQ:
		return v == q->number;
	case OP_NE:
		return v != q->number;
	case OP_LT:
		return v < q->number;
	case OP_LE:
		return v <= q->number;
	case OP_GT:
		return v > q->number;
	case OP_GE:
		return v >= q->number;
	case OP_LIKE:
	case OP_UNLIKE:
		return false;
	}
	return false;
}

/* As GJSON has it: `>= anything` holds for true, `<= anything` for false. */
static bool holds_bool(const struct gjson *q, bool v)
{
	const char *same = v ? "true" : "false", *other = v ? "false" : "true";

	switch (q->op) {
	case OP_EXISTS:
		return true;
	case OP_EQ:
		return strcmp(q->right, same) == 0;
	case OP_NE:
		return strcmp(q->right, same) != 0;
	case OP_LT:
		return !v && strcmp(q->right, other) == 0;
	case OP_GT:
		return v && strcmp(q->right, other) == 0;
	case OP_LE:
		return !v;
	case OP_GE:
		return v;
	case OP_LIKE:
	case OP_UNLIKE:
		return false;
	}
	return false;
}

static bool holds(struct search *s, const struct gjson *q, const cJSON *item)
{
	const bool scalar = !json_is_object(item) && !json_is_array(item);
	const cJSON *v;
	double number;
	bool truth;

	if (scalar != (q->left == NULL))        /* only scalars are compared themselves, and have no parts */
		return false;
	v = q->left ? find(s, q->left, item) : item;
	if (!v || q->op == OP_EXISTS)
		return v != NULL;
	if (json_str(v))
		return holds_string(s, q, json_str(v));
	if (json_num(v, &number))
		return holds_number(q, number);
	return json_bool(v, &truth) && holds_bool(q, truth);
}

/* ---- steps ------------------------------------------------------------------------------------- */

static const cJSON *follow(struct search *s, const struct gjson *q, const cJSON *v)
{
	if (!q->next)
		return v;
	if (q->piped || json_is_object(v) || json_is_array(v))
		return find(s, q->next, v);
	return NULL;
}

static const cJSON *find_item(struct search *s, const struct gjson *q, const cJSON *list)
{
	size_t i = 0;

	json_each (item, q->index < SIZE_MAX ? list : NULL) {
		if (!step(s))
			return NULL;
		if (i++ == q->index)
			return follow(s, q, item);
	}
	return q->piped ? follow(s, q, NULL) : NULL;
}

static const cJSON *find_field(struct search *s, const struct gjson *q, const cJSON *v)
{
	const cJSON *found = NULL;

	if (json_is_array(v))
		return find_item(s, q, v);
	if (!json_is_object(v))
		return NULL;
	json_each (child, v) {
		if (!step(s))
			return NULL;
		if (q->wild ? !like(s, child->string, q->name) : strcmp(child->string, q->name) != 0)
			continue;
		found = follow(s, q, child);
		if (found || !q->wild || q->piped)
			return found;
	}
	return q->piped ? follow(s, q, NULL) : NULL;
}

static const cJSON *find_count(struct search *s, const struct gjson *q, const cJSON *v)
{
	size_t n = 0;

	if (!json_is_array(v))
		return NULL;
	json_each (item, v) {
		if (!step(s))
			return NULL;
		n++;
	}
	return follow(s, q, new_number(s, n));
}

static const cJSON *find_each(struct search *s, const struct gjson *q, const cJSON *v)
{
	cJSON *list = new_list(s), *last = NULL;

	if (!json_is_array(v))
		return NULL;
	json_each (item, v) {
		const cJSON *part = step(s) ? find(s, q->each, item) : NULL;

		if (part)
			append(s, list, &last, part);
	}
	return follow(s, q, list);
}

static const cJSON *find_first(struct search *s, const struct gjson *q, const cJSON *v)
{
	json_each (item, v) {
		if (!step(s))
			return NULL;
		if (holds(s, q, item))
			return follow(s, q, q->each ? find(s, q->each, item) : item);
	}
	return q->piped && !q->each ? follow(s, q, NULL) : NULL;
}

static const cJSON *find_all(struct search *s, const struct gjson *q, const cJSON *v)
{
	cJSON *list = new_list(s), *last = NULL;
	bool any = false;

	json_each (item, v) {
		const cJSON *part;

		if (!step(s))
			return NULL;
		if (!holds(s, q, item))
			continue;
		any = true;
		part = q->each ? find(s, q->each, item) : item;
		if (part)
			append(s, list, &last, part);
	}
	return any || !q->each ? follow(s, q, list) : list;
}

static const cJSON *find_list(struct search *s, const struct gjson *q, const cJSON *v)
{
	cJSON *list = new_list(s), *last = NULL;

	for (const struct gjson *item = q->item; item; item = item->sibling) {
		const cJSON *part = find(s, item, v);

		if (part)
			append(s, list, &last, part);
	}
	return follow(s, q, list);
}

static const cJSON *find(struct search *s, const struct gjson *q, const cJSON *v)
{
	if (!step(s))
		return NULL;
	switch (q->step) {
	case STEP_FIELD:
		return find_field(s, q, v);
	case STEP_COUNT:
		return find_count(s, q, v);
	case STEP_EACH:
		return find_each(s, q, v);
	case STEP_QUERY:
		if (!json_is_array(v))
			return NULL;
		return q->all ? find_all(s, q, v) : find_first(s, q, v);
	case STEP_LIST:
		return find_list(s, q, v);
	case STEP_THIS:
		return follow(s, q, v);
	}
	return NULL;
}

const cJSON *gjson_get(const struct gjson *q, const cJSON *doc, struct arena *a)
{
	struct search s = {a, GJSON_STEPS_MAX};
	const cJSON *found = find(&s, q, doc);

	return s.steps > 0 ? found : NULL;
}

const cJSON *gjson_holds(const struct gjson *q, const cJSON *doc, struct arena *a)
{
	const cJSON *found = gjson_get(q, doc, a);

	if (json_is_object(found))
		return found;
	return json_is_array(found) ? found->child : NULL;
}
