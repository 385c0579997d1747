/* One pass over the pattern writes the code, piece by piece. */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/regex_impl.h"

enum { NESTING_MAX = 50, REPEAT_MAX = 255 };

/* ---- sets of bytes ----------------------------------------------------------------------------- */

static void set_add(struct set *s, unsigned c)
{
	s->bits[c / 8] |= (uint8_t)(1u << c % 8);
}

static void set_range(struct set *s, unsigned from, unsigned to)
{
	for (unsigned c = from; c <= to; c++)
		set_add(s, c);
}

static void set_invert(struct set *s)
{
	for (size_t i = 0; i < sizeof s->bits; i++)
		s->bits[i] = (uint8_t)~s->bits[i];
}

static void set_ignore_case(struct set *s)
{
	for (unsigned c = 'a'; c <= 'z'; c++) {
		if (regex_set_has(s, (unsigned char)c) || regex_set_has(s, (unsigned char)(c - 32))) {
			set_add(s, c);
			set_add(s, c - 32);
		}
	}
}

static void set_string(struct set *s, const char *ranges)
{
	for (; *ranges != '\0'; ranges += 2)
		set_range(s, (unsigned char)ranges[0], (unsigned char)ranges[1]);
}

/* \d \w \s and their negations; pairs of first and last. */
static bool class_letter(char c, struct set *out)
{
	static const struct {
		char name;
		const char *ranges;
	} classes[] = {{'d', "09"}, {'w', "09AZ__az"}, {'s', "\t\n\f\r  "}};
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		bool negated = c == classes[i].name - 32;
		if (c != classes[i].name && !negated)
			continue;
		*out = (struct set){{0}};
		set_string(out, classes[i].ranges);
		if (negated)
			set_invert(out);
		return true;
	}
	return false;
}

static bool class_name(const char *s, size_t n, struct set *out)
{
	static const struct {
		const char *name, *ranges;
	} classes[] = {{"alnum", "09AZaz"}, {"alpha", "AZaz"}, {"blank", "\t\t  "}, {"cntrl", "\x01\x1f\x7f\x7f"},
		{"digit", "09"}, {"graph", "!~"}, {"lower", "az"}, {"print", " ~"}, {"punct", "!/:@[`{~"},
		{"space", "\t\r  "}, {"upper", "AZ"}, {"word", "09AZ__az"}, {"xdigit", "09AFaf"}};
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		if (strlen(classes[i].name) == n && memcmp(classes[i].name, s, n) == 0) {
			set_string(out, classes[i].ranges);
			return true;
		}
	}
	return false;
}

/* ---- compiling --------------------------------------------------------------------------------- */

struct compiler {
	struct regex *r;
	const char *pattern, *at;
	bool ignore_case;
	int nesting;
	const char *problem; /* the first one */
	const char *where;
};

static bool refuse(struct compiler *c, const char *problem)
{
	if (c->problem == NULL) {
		c->problem = problem;
		c->where = c->at;
	}
	return false;
}

static bool emit(struct compiler *c, enum op op, int x, int y)
{
	if (c->r->n == REGEX_CODE_MAX)
		return refuse(c, "it is too large once its repetitions are written out");
	c->r->code[c->r->n++] = (struct instruction){op, x, y};
	return true;
}

/* Makes room for one instruction at `start`, in front of a finished piece. */
static bool insert(struct compiler *c, int start, enum op op, int x, int y)
{
	if (!emit(c, op, x, y))
		return false;
	struct instruction *code = c->r->code;
	memmove(code + start + 1, code + start, (size_t)(c->r->n - 1 - start) * sizeof *code);
	code[start] = (struct instruction){op, x, y};
	return true;
}

static bool emit_set(struct compiler *c, struct set *s)
{
	struct regex *r = c->r;
	if (c->ignore_case)
		set_ignore_case(s);
	r->sets = xreallocarray(r->sets, (size_t)r->n_sets + 1, sizeof *r->sets);
	r->sets[r->n_sets] = *s;
	return emit(c, OP_SET, r->n_sets++, 0);
}

static bool emit_byte(struct compiler *c, unsigned char byte)
{
	bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
	if (!c->ignore_case || !letter)
		return emit(c, OP_BYTE, byte, 0);
	struct set s = {{0}};
	set_add(&s, byte);
	return emit_set(c, &s);
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
	return found != NULL ? (int)(found - digits) : -1;
}

/* What follows a backslash and stands for one byte; at is behind it then. */
static bool escaped_byte(struct compiler *c, unsigned char *out)
{
	static const char names[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
	char e = *c->at;
	const char *name = e != '\0' ? strchr(names, e) : NULL;
	if (e == '\0')
		return refuse(c, "a backslash at the end");
	if (e == 'x') {
		int high = hex_digit(c->at[1]), low = high < 0 ? -1 : hex_digit(c->at[2]);
		if (low < 0)
			return refuse(c, "\\x needs two hexadecimal digits");
		*out = (unsigned char)(high * 16 + low);
		c->at += 3;
		return true;
	}
	bool word = (e >= '0' && e <= '9') || (e >= 'A' && e <= 'Z') || (e >= 'a' && e <= 'z');
	if (name == NULL && word)
		return refuse(c, e >= '1' && e <= '9' ? "back-references are not supported" : "an unknown escape");
	*out = name != NULL ? (unsigned char)values[name - names] : (unsigned char)e;
	c->at++;
	return true;
}

/* One member of [...]: a byte in *out, or a whole class in *set and then false without a problem. */
static bool bracket_byte(struct compiler *c, struct set *set, unsigned char *out)
{
	struct set class;
	if (c->at[0] == '[' && c->at[1] == ':') {
		const char *end = strstr(c->at, ":]");
		if (end == NULL || !class_name(c->at + 2, (size_t)(end - c->at - 2), set))
			return refuse(c, "an unknown class");
		c->at = end + 2;
		return false;
	}
	if ((unsigned char)*c->at >= 0x80)
		return refuse(c, "only ASCII characters can stand in brackets");
	if (*c->at != '\\') {
		*out = (unsigned char)*c->at++;
		return true;
	}
	c->at++;
	if (class_letter(*c->at, &class)) {
		for (size_t i = 0; i < sizeof class.bits; i++)
			set->bits[i] |= class.bits[i];
		c->at++;
		return false;
	}
	return escaped_byte(c, out);
}

static bool bracket(struct compiler *c)
{
	struct set set = {{0}};
	bool negated = *c->at == '^', first = true;
	c->at += negated;
	for (; *c->at != ']' || first; first = false) {
		unsigned char from, to;
		if (*c->at == '\0')
			return refuse(c, "a bracket is not closed");
		bool byte = bracket_byte(c, &set, &from);
		if (c->problem != NULL)
			return false;
		if (!byte)
			continue;
		to = from;
		if (c->at[0] == '-' && c->at[1] != ']' && c->at[1] != '\0') {
			c->at++;
			if (!bracket_byte(c, &set, &to))
				return refuse(c, "a range needs a character at both ends");
		}
		if (to < from)
			return refuse(c, "a range runs backwards");
		set_range(&set, from, to);
	}
	c->at++;
	if (c->ignore_case)
		set_ignore_case(&set);
	if (negated)
		set_invert(&set);
	return emit_set(c, &set);
}

static bool escape(struct compiler *c)
{
	static const struct {
		char name;
		enum op op;
	} places[] = {{'b', OP_WORD}, {'B', OP_NOT_WORD}, {'A', OP_START}, {'z', OP_END}};
	struct set set;
	unsigned char byte;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (*c->at == places[i].name) {
			c->at++;
			return emit(c, places[i].op, 0, 0);
		}
	}
	if (class_letter(*c->at, &set)) {
		c->at++;
		return emit_set(c, &set);
	}
	return escaped_byte(c, &byte) && emit_byte(c, byte);
}

static bool alternatives(struct compiler *c);

/* Behind the opening parenthesis. */
static bool group(struct compiler *c)
{
	bool capture = true;
	if (strncmp(c->at, "?:", 2) == 0) {
		capture = false;
		c->at += 2;
	} else if (strncmp(c->at, "?P<", 3) == 0 ||
			   (strncmp(c->at, "?<", 2) == 0 && strchr("=!", c->at[2]) == NULL)) {
		const char *end = strchr(c->at, '>');
		if (end == NULL)
			return refuse(c, "the name of a group is not closed");
		c->at = end + 1;
	} else if (*c->at == '?') {
		return refuse(
			c, "of the (?...) forms only (?:...), (?P<name>...) and (?i) at the start are supported");
	}
	if (++c->nesting > NESTING_MAX)
		return refuse(c, "groups are nested too deeply");
	size_t number = capture ? ++c->r->groups : 0;
	bool kept = capture && number < REGEX_SPANS;
	if (kept && !emit(c, OP_SAVE, (int)(2 * number), 0))
		return false;
	if (!alternatives(c))
		return false;
	if (*c->at != ')')
		return refuse(c, "a parenthesis is not closed");
	c->at++;
	c->nesting--;
	return !kept || emit(c, OP_SAVE, (int)(2 * number + 1), 0);
}

/* One character: what repeats is all of its bytes. */
static bool literal(struct compiler *c, unsigned char first)
{
	if (!emit_byte(c, first))
		return false;
	while (first >= 0xc0 && ((unsigned char)*c->at & 0xc0) == 0x80) {
		if (!emit_byte(c, (unsigned char)*c->at++))
			return false;
	}
	return true;
}

static bool atom(struct compiler *c)
{
	char ch = *c->at++;
	switch (ch) {
	case '(':
		return group(c);
	case '[':
		return bracket(c);
	case '\\':
		return escape(c);
	case '.':
		return emit(c, OP_ANY, 0, 0);
	case '^':
		return emit(c, OP_START, 0, 0);
	case '$':
		return emit(c, OP_END, 0, 0);
	case '*':
	case '+':
	case '?':
		c->at--;
		return refuse(c, "there is nothing to repeat");
	default:
		return literal(c, (unsigned char)ch);
	}
}

/* {n}, {n,} and {n,m}; anything else in braces is literal. max < 0: no limit. */
static bool counted(const char **at, int *min, int *max)
{
	const char *s = *at + 1;
	int bounds[2] = {-1, -1};
	for (int i = 0; i < 2; i++) {
		if (*s >= '0' && *s <= '9')
			bounds[i] = 0;
		for (; *s >= '0' && *s <= '9' && bounds[i] <= REPEAT_MAX; s++)
			bounds[i] = bounds[i] * 10 + *s - '0';
		if (i == 0 && *s == '}')
			bounds[1] = bounds[0];
		if (i == 0 && *s == ',')
			s++;
		else
			break;
	}
	if (*s != '}' || bounds[0] < 0)
		return false;
	*at = s + 1;
	*min = bounds[0];
	*max = bounds[1];
	return true;
}

static bool copy(struct compiler *c, const struct instruction *piece, int n)
{
	for (int i = 0; i < n; i++) {
		if (!emit(c, piece[i].op, piece[i].x, piece[i].y))
			return false;
	}
	return true;
}

/* A split that prefers going on (greedy) or leaving (lazy); `out` is relative to the split. */
static bool split(struct compiler *c, int at, int out, bool lazy)
{
	return insert(c, at, OP_SPLIT, lazy ? out : 1, lazy ? 1 : out);
}

static bool star(struct compiler *c, int start, bool lazy)
{
	int n = c->r->n - start;
	return split(c, start, n + 2, lazy) && emit(c, OP_JUMP, -(n + 1), 0);
}

/* The piece from `start` to the end, min to max times. */
static bool repeat(struct compiler *c, int start, int min, int max, bool lazy)
{
	struct instruction piece[REGEX_CODE_MAX];
	int n = c->r->n - start;
	memcpy(piece, c->r->code + start, (size_t)n * sizeof *piece);
	c->r->n = start;
	for (int i = 0; i < min; i++) {
		if (!copy(c, piece, n))
			return false;
	}
	if (max < 0) {
		int at = c->r->n;
		return copy(c, piece, n) && star(c, at, lazy);
	}
	/* x{0,2} is (x(x)?)?: each split leaves to the very end. */
	int left = max - min;
	for (int i = 0; i < left; i++) {
		int out = (left - i) * (n + 1);
		if (!emit(c, OP_SPLIT, lazy ? out : 1, lazy ? 1 : out) || !copy(c, piece, n))
			return false;
	}
	return true;
}

static bool repetition(struct compiler *c, int start)
{
	int min = 0, max = -1;
	const char *at = c->at;
	if (*at == '{' ? !counted(&at, &min, &max) : *at == '\0' || strchr("*+?", *at) == NULL)
		return true;
	if (*c->at != '{') {
		min = *at == '+';
		max = *at == '?' ? 1 : -1;
		at++;
	}
	if (min > REPEAT_MAX || max > REPEAT_MAX || (max >= 0 && max < min))
		return refuse(c, "a repetition is at most {255} and does not run backwards");
	bool lazy = *at == '?';
	c->at = at + lazy;
	if (*c->at != '\0' && strchr("*+?", *c->at) != NULL)
		return refuse(c, "there is nothing to repeat");
	return repeat(c, start, min, max, lazy);
}

static bool alternatives(struct compiler *c)
{
	int start = c->r->n;
	while (*c->at != '\0' && *c->at != ')' && *c->at != '|') {
		int piece = c->r->n;
		if (!atom(c) || !repetition(c, piece))
			return false;
	}
	if (*c->at != '|')
		return true;
	c->at++;
	if (++c->nesting > NESTING_MAX)
		return refuse(c, "there are too many alternatives");
	int first = c->r->n - start;
	if (!split(c, start, first + 2, false))
		return false;
	int jump = c->r->n;
	if (!emit(c, OP_JUMP, 0, 0) || !alternatives(c))
		return false;
	c->r->code[jump].x = c->r->n - jump;
	c->nesting--;
	return true;
}

static bool compile(struct compiler *c)
{
	if (strlen(c->pattern) > REGEX_PATTERN_MAX)
		return refuse(c, "it is too long");
	if (strncmp(c->at, "(?i)", 4) == 0) {
		c->ignore_case = true;
		c->at += 4;
	}
	if (!emit(c, OP_SAVE, 0, 0) || !alternatives(c))
		return false;
	if (*c->at != '\0')
		return refuse(c, "a parenthesis is closed that was not opened");
	return emit(c, OP_SAVE, 1, 0) && emit(c, OP_MATCH, 0, 0);
}

bool regex_compile(struct regex *r, const char *pattern, struct err *e)
{
	struct compiler c = {.r = r, .pattern = pattern, .at = pattern};
	return compile(&c) ||
		   err_set(e, ERR_INVALID, "'%.100s' is not a regular expression: at character %td, %s", pattern,
			   c.where - pattern + 1, c.problem);
}
