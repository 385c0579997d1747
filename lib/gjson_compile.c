#include <math.h>
#include <stdint.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/gjson_impl.h"
#include "lib/num.h"

struct compiler {
	const char *text;               /* the whole query, for columns */
	const char *p, *end;            /* what is left of this path    */
	struct arena *a;
	struct err *e;
	unsigned depth;
};

static struct gjson *path(struct compiler *c, bool inner);
static struct gjson *component(struct compiler *c, bool inner);

static struct gjson *refuse(struct compiler *c, const char *at, const char *rule)
{
	(void)err_set(c->e, ERR_INVALID, "column %zu: %s", (size_t)(at - c->text) + 1, rule);
	return NULL;
}

static struct gjson *new_step(struct compiler *c, enum gjson_step step)
{
	struct gjson *q = ARENA_NEW(c->a, struct gjson);

	q->step = step;
	q->index = SIZE_MAX;
	return q;
}

/* A path within this one, between `from` and `to`. */
static struct gjson *path_within(struct compiler *c, const char *from, const char *to)
{
	struct compiler inside = *c;

	inside.p = from;
	inside.end = to;
	if (++inside.depth > GJSON_DEPTH_MAX)
		return refuse(c, from, "too many queries within queries");
	return path(&inside, false);
}

/* ---- what brackets hold ------------------------------------------------------------------------ */

/* From behind an opening quote to its closing one; `end` if there is none. */
static const char *skip_string(const char *p, const char *end)
{
	for (; p < end && *p != '"'; p++)
		p += *p == '\\' && p + 1 < end;
	return p;
}

/* From behind an opening bracket to the one that closes it, or to a character of `stops` outside of inner
 * brackets; `end` if neither comes. All kinds of bracket count alike, as they do in GJSON. */
static const char *skip_nested(const char *p, const char *end, const char *stops)
{
	for (int depth = 1; p < end; p++) {
		if (depth == 1 && strchr(stops, *p))
			return p;
		if (*p == '\\')
			p += p + 1 < end;
		else if (*p == '"')
			p = skip_string(p + 1, end);
		else if (strchr("([{", *p))
			depth++;
		else if (strchr(")]}", *p) && --depth == 0)
			return p;
	}
	return end;
}

static void trim(const char **from, const char **to)
{
	while (*from < *to && (unsigned char)**from <= ' ')
		++*from;
	while (*from < *to && (unsigned char)(*to)[-1] <= ' ')
		--*to;
}

/* ---- queries ----------------------------------------------------------------------------------- */

static size_t read_op(const char *p, const char *end, enum gjson_op *op)
{
	static const struct {
		const char *text;
		enum gjson_op op;
	} ops[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE}, {">=", OP_GE}, {"!%", OP_UNLIKE}, {"=", OP_EQ},
		{"<", OP_LT}, {">", OP_GT}, {"%", OP_LIKE}};

	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		size_t n = strlen(ops[i].text);

		if ((size_t)(end - p) >= n && memcmp(p, ops[i].text, n) == 0) {
			*op = ops[i].op;
			return n;
		}
	}
	return 0;
}

/* The text between the quotes, whose escapes are JSON's. */
static const char *read_quoted(struct compiler *c, const char *from, const char *to)
{
	const cJSON *v = NULL;
	struct err e;

	if (skip_string(from + 1, to) == to - 1)
		v = json_parse(from, (size_t)(to - from), 0, c->a, &e);
	if (json_str(v) == NULL)
		refuse(c, from, "this is not a string");
	return json_str(v);
}

/* As Go's ParseFloat has it, whose failures GJSON does not look at. */
static double lenient_number(const char *s)
{
	double x = 0;

	if (num_parse(s, strlen(s), true, &x))
		return x;
	if (num_is_decimal(s, strlen(s)))
		return s[0] == '-' ? -INFINITY : INFINITY;
	return 0;
}

/* The comparison from its operator on. */
static bool read_comparison(struct compiler *c, struct gjson *q, const char *p, const char *to)
{
	size_t n = read_op(p, to, &q->op);

	if (n == 0)
		return refuse(c, p, "expected one of == != < <= > >= % !%") != NULL;
	p += n;
	trim(&p, &to);
	if (p == to)
		return refuse(c, p, "what is it compared with?") != NULL;
	if (*p == '"')
		q->right = read_quoted(c, p, to);
	else
		q->right = arena_strndup(c->a, p, (size_t)(to - p));
	if (q->right && q->right[0] == '~')
		return refuse(c, p, "~ is not supported: compare with true, false or a value") != NULL;
	if (q->right)
		q->number = lenient_number(q->right);
	return q->right != NULL;
}

/* "(left op right)" behind the #. */
static struct gjson *query(struct compiler *c)
{
	struct gjson *q = new_step(c, STEP_QUERY);
	const char *from = c->p + 1;
	const char *op = skip_nested(from, c->end, "!=<>%");
	const char *close = op < c->end && !strchr(")]}", *op) ? skip_nested(op, c->end, "") : op;
	const char *to = op;

	if (close == c->end)
		return refuse(c, c->p, "this bracket is not closed");
	trim(&from, &to);
	if (from == to && op == close)
		return refuse(c, c->p, "this condition is empty");
	if (from < to && !(q->left = path_within(c, from, to)))
		return NULL;
	if (op < close && !read_comparison(c, q, op, close))
		return NULL;
	c->p = close + 1;
	if (c->p < c->end && *c->p == '#') {
		q->all = true;
		c->p++;
	}
	return q;
}

/* "[path,path]". */
static struct gjson *list(struct compiler *c)
{
	struct gjson *q = new_step(c, STEP_LIST);
	const struct gjson **last = &q->item;
	const char *from = c->p + 1;

	for (;;) {
		const char *to = skip_nested(from, c->end, ",:");
		struct gjson *item;

		if (to == c->end)
			return refuse(c, c->p, "this bracket is not closed");
		if (*to == ':')
			return refuse(c, to, "names are not supported: write [path,path]");
		item = path_within(c, from, to);
		if (!item)
			return NULL;
		*last = item;
		last = &item->sibling;
		from = to + 1;
		if (*to != ',')
			break;
	}
	c->p = from;
	return q;
}

/* ---- steps ------------------------------------------------------------------------------------- */

static bool is_end(const struct compiler *c)
{
	return c->p == c->end || *c->p == '.' || *c->p == '|';
}

/* The modifiers of GJSON: any other name behind an @ is a field. */
static bool at_modifier(const struct compiler *c)
{
	static const char *const names[] = {"this", "pretty", "ugly", "reverse", "flatten", "join", "valid", "keys",
		"values", "tostr", "fromstr", "group", "dig"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t n = strlen(names[i]);

		if ((size_t)(c->end - c->p) <= n || memcmp(c->p + 1, names[i], n) != 0)
			continue;
		if (c->p + 1 + n == c->end || strchr(".|:", c->p[1 + n]))
			return true;
	}
	return false;
}

static struct gjson *modifier(struct compiler *c)
{
	const char *from = c->p;

	if ((size_t)(c->end - c->p) < 5 || memcmp(c->p, "@this", 5) != 0)
		return refuse(c, from, "of the modifiers only @this is supported");
	c->p += 5;
	return is_end(c) ? new_step(c, STEP_THIS) : refuse(c, c->p, "@this takes no arguments");
}

static size_t read_index(const char *s)
{
	int64_t n;

	if (s[0] == '\0' || strspn(s, "0123456789") != strlen(s) || !num_parse_i64(s, strlen(s), &n))
		return SIZE_MAX;
	return (size_t)n;
}

static struct gjson *field(struct compiler *c)
{
	struct gjson *q = new_step(c, STEP_FIELD);
	char *name = arena_alloc(c->a, (size_t)(c->end - c->p) + 1);
	size_t n = 0;
	bool escaped = false;

	while (!is_end(c)) {
		bool escape = *c->p == '\\';

		escaped |= escape;
		c->p += escape;
		if (c->p == c->end)
			return refuse(c, c->p - 1, "nothing follows this \\");
		q->wild |= !escape && (*c->p == '*' || *c->p == '?');
		name[n++] = *c->p++;
	}
	name[n] = '\0';
	if (n == 0)
		return refuse(c, c->p, "a name is missing here");
	q->name = name;
	q->index = escaped || q->wild ? SIZE_MAX : read_index(name);
	return q;
}

/* What is taken of every item, behind "#." or "#(…)."; a pipe there is about the list again. */
static bool of_each(struct compiler *c, struct gjson *q, bool inner)
{
	const struct gjson *next = NULL;

	q->each = path(c, true);
	if (q->each && !inner && c->p < c->end) {
		c->p++;
		next = path(c, false);
		q->piped = true;
		q->next = next;
		return next != NULL;
	}
	return q->each != NULL;
}

/* The step's successor. `inner`: a pipe is not ours. */
static struct gjson *follow(struct compiler *c, struct gjson *q, bool inner)
{
	bool own = q->step == STEP_LIST || q->step == STEP_THIS;

	if (c->p == c->end || (*c->p == '|' && inner))
		return q;
	if (*c->p != '.' && *c->p != '|')
		return refuse(c, c->p, "expected . or | or the end");
	bool pipe = *c->p++ == '|';
	if (q->step == STEP_QUERY && !pipe)
		return of_each(c, q, inner) ? q : NULL;
	if (c->p < c->end && (strchr("[{", *c->p) || (*c->p == '@' && at_modifier(c))))
		pipe = true;
	q->piped = pipe || own;
	q->next = q->piped ? path(c, inner) : component(c, inner);
	return q->next ? q : NULL;
}

static struct gjson *component(struct compiler *c, bool inner)
{
	struct gjson *q;
	size_t left = (size_t)(c->end - c->p);

	if (left > 1 && c->p[0] == '#' && (c->p[1] == '(' || c->p[1] == '[')) {
		c->p++;
		q = query(c);
	} else if (left > 1 && c->p[0] == '#' && c->p[1] == '.') {
		c->p += 2;
		q = new_step(c, STEP_EACH);
		return of_each(c, q, inner) ? q : NULL;
	} else if (left > 0 && c->p[0] == '#' && (left == 1 || c->p[1] == '|')) {
		c->p++;
		q = new_step(c, STEP_COUNT);
	} else {
		q = field(c);
	}
	return q ? follow(c, q, inner) : NULL;
}

/* A path from its beginning, where more is allowed than further on. */
static struct gjson *path(struct compiler *c, bool inner)
{
	struct gjson *q;

	if (c->p == c->end)
		return refuse(c, c->p, "a name is missing here");
	if (*c->p == '{')
		return refuse(c, c->p, "{…} is not supported: write [path,path]");
	if (*c->p == '!')
		return refuse(c, c->p, "a literal is not supported");
	if (*c->p == '[')
		q = list(c);
	else if (*c->p == '@' && at_modifier(c))
		q = modifier(c);
	else
		return component(c, inner);
	return q ? follow(c, q, inner) : NULL;
}

const struct gjson *gjson_compile(const char *text, struct arena *a, struct err *e)
{
	size_t n = strlen(text);
	struct compiler c = {.text = text, .p = text, .end = text + n, .a = a, .e = e};

	if (n > GJSON_QUERY_MAX)
		return refuse(&c, text + GJSON_QUERY_MAX, "the query is too long");
	return path(&c, false);
}
