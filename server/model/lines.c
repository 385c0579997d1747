#include "server/model/lines.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/num.h"
#include "lib/regex.h"
#include "lib/utf8.h"
#include "server/model/observe.h"

enum { PATTERN_STEPS_MAX = 4000000 }; /* of the regex machine, for one line: some 10 ms */

struct line_parser {
	enum lines_format format;
	struct regex **patterns;
	size_t n_patterns;
	char **wanted;
	size_t n_wanted;
	bool all;
	char *plain;           /* LINES_LINE_MAX: the line without colours; NULL: leave them in */
	struct arena *scratch; /* for JSON lines */
};

/* ---- life -------------------------------------------------------------------------------------- */

bool line_pattern_check(const char *pattern, struct err *e)
{
	struct regex *r = regex_new(pattern, e);
	size_t groups = r != NULL ? regex_groups(r) : 0;
	regex_free(r);
	if (r == NULL)
		return false;
	if (groups < 2)
		return err_set(e, ERR_INVALID,
			"'%.100s' needs two groups: the first is the metric's name, the second its value", pattern);
	return true;
}

struct line_parser *line_parser_new(enum lines_format format, const char *const *patterns, size_t n_patterns,
	const char *const *wanted, size_t n_wanted)
{
	struct line_parser *p = xcalloc(1, sizeof *p);
	p->format = format;
	p->n_patterns = n_patterns;
	p->patterns = xcalloc(n_patterns + 1, sizeof *p->patterns);
	for (size_t i = 0; i < n_patterns; i++) {
		p->patterns[i] = regex_new(patterns[i], NULL);
		assert(p->patterns[i] != NULL);
	}
	p->all = wanted == NULL;
	p->n_wanted = p->all ? 0 : n_wanted;
	p->wanted = xcalloc(p->n_wanted + 1, sizeof *p->wanted);
	for (size_t i = 0; i < p->n_wanted; i++)
		p->wanted[i] = xstrdup(wanted[i]);
	p->plain = xmalloc(LINES_LINE_MAX);
	p->scratch = arena_new();
	return p;
}

void line_parser_free(struct line_parser *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_patterns; i++)
		regex_free(p->patterns[i]);
	for (size_t i = 0; i < p->n_wanted; i++)
		free(p->wanted[i]);
	free(p->patterns);
	free(p->wanted);
	free(p->plain);
	arena_free(p->scratch);
	free(p);
}

/* ---- one line ---------------------------------------------------------------------------------- */

struct span {
	const char *s;
	size_t n;
};

/* The line at hand: what applies to all its points, and where they go. */
struct line {
	struct line_parser *p;
	line_point_fn *fn;
	void *ctx;
	int64_t time_us, step;
	bool has_step;
	size_t found;
};

static bool span_is(struct span name, const char *s)
{
	return strncmp(name.s, s, name.n) == 0 && s[name.n] == '\0';
}

/* What counts a line's points, the best first; -1 for any other name. */
static int step_rank(struct span name)
{
	static const char *const names[] = {"step", "global_step", "epoch"};
	for (int i = 0; i < (int)ARRAY_LEN(names); i++) {
		if (span_is(name, names[i]))
			return i;
	}
	return -1;
}

static bool is_wanted(const struct line_parser *p, struct span name)
{
	if (p->all)
		return metric_name_valid(name.s, name.n) && step_rank(name) < 0;
	for (size_t i = 0; i < p->n_wanted; i++) {
		if (span_is(name, p->wanted[i]))
			return true;
	}
	return false;
}

static void emit(struct line *l, struct span name, double value)
{
	char metric[METRIC_NAME_MAX + 1];
	if (!is_wanted(l->p, name) || name.n > METRIC_NAME_MAX)
		return;
	memcpy(metric, name.s, name.n);
	metric[name.n] = '\0';
	struct metric_point point = {
		.metric = metric, .value = value, .step = l->step, .time_us = l->time_us, .has_step = l->has_step};
	l->fn(l->ctx, &point);
	l->found++;
}

static bool step_from(double value, int64_t *step)
{
	if (!(value >= 0 && value <= 9007199254740992.0) || value != trunc(value))
		return false;
	*step = (int64_t)value;
	return true;
}

/* `best` is the rank of the step so far: `step` outranks `epoch`, wherever on the line they are. */
static void note_step(struct line *l, struct span name, double value, int *best)
{
	int rank = step_rank(name);
	if (rank < 0 || rank >= *best || !step_from(value, &l->step))
		return;
	l->has_step = true;
	*best = rank;
}

/* ---- text: the default pattern ----------------------------------------------------------------- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* \w, the bar and the dash of Katib's pattern, and the dot and slash that our names may have. */
static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-' ||
		   c == '|' || c == '.' || c == '/';
}

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

/* The length of "nan", "inf" or "infinity" at s, standing alone; 0 if there is none. */
static size_t nonfinite_length(const char *s, const char *end)
{
	static const char *const words[] = {"infinity", "inf", "nan"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i]);
		if ((size_t)(end - s) >= n && strncasecmp(s, words[i], n) == 0 &&
			(s + n == end || !is_word_char(s[n])))
			return n;
	}
	return 0;
}

/* [+-]?\d*(\.\d+)?([Ee][+-]?\d+)? at s: the end of what matches, which may be s. */
static const char *number_end(const char *s, const char *end)
{
	if (s < end && (*s == '+' || *s == '-'))
		s++;
	if (nonfinite_length(s, end) > 0)
		return s + nonfinite_length(s, end);
	while (s < end && is_digit(*s))
		s++;
	if (s + 1 < end && *s == '.' && is_digit(s[1])) {
		for (s++; s < end && is_digit(*s); s++)
			continue;
	}
	const char *e = s;
	if (e < end && (*e == 'e' || *e == 'E')) {
		e++;
		if (e < end && (*e == '+' || *e == '-'))
			e++;
		if (e < end && is_digit(*e)) {
			while (e < end && is_digit(*e))
				e++;
			s = e;
		}
	}
	return s;
}

static bool parse_value(struct span v, double *out)
{
	/* A value too large for a double is infinite, as it is for everyone who computes with it. */
	if (v.n > 0 && v.s[0] == '+') {
		v.s++;
		v.n--;
	}
	if (num_parse(v.s, v.n, true, out))
		return true;
	char copy[400];
	char *rest;
	if (v.n == 0 || v.n >= sizeof copy || !(is_digit(v.s[0]) || v.s[0] == '-' || v.s[0] == '.'))
		return false;
	memcpy(copy, v.s, v.n);
	copy[v.n] = '\0';
	*out = strtod(copy, &rest);
	return *rest == '\0' && rest != copy;
}

struct match {
	struct span name;
	double value;
	const char *end;
};

/* The next name = value whose equals sign is at or after `from`; no part of it lies before `floor`. */
static bool next_match(const char *from, const char *floor, const char *end, struct match *m)
{
	for (const char *eq = from; (eq = memchr(eq, '=', (size_t)(end - eq))) != NULL; eq++) {
		const char *name_end = eq;
		while (name_end > floor && is_space(name_end[-1]))
			name_end--;
		const char *name = name_end;
		while (name > floor && is_name_char(name[-1]))
			name--;
		const char *value = eq + 1;
		while (value < end && is_space(*value))
			value++;
		const char *value_end = number_end(value, end);
		if (name == name_end)
			continue;
		floor = value_end > eq ? value_end : eq + 1;
		m->name = (struct span){name, (size_t)(name_end - name)};
		m->end = floor;
		if (parse_value((struct span){value, (size_t)(value_end - value)}, &m->value))
			return true;
	}
	return false;
}

/*
 * The characters before an equals sign, as the name that is meant: all of them; what Katib's pattern
 * sees of them, which ends at a dot or slash; or what is behind a table's bar.
 */
static struct span choose_name(const struct line_parser *p, struct span run)
{
	struct span tail = run, narrow = run;
	for (size_t i = 0; i < run.n; i++) {
		if (run.s[i] == '|')
			tail = (struct span){run.s + i + 1, run.n - i - 1};
		if (run.s[i] == '.' || run.s[i] == '/')
			narrow = (struct span){run.s + i + 1, run.n - i - 1};
	}
	if (p->all) {
		while (tail.n > 0 && !is_word_char(*tail.s)) {
			tail.s++;
			tail.n--;
		}
		return tail;
	}
	const struct span choices[] = {run, tail, narrow};
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		if (is_wanted(p, choices[i]) || step_rank(choices[i]) >= 0)
			return choices[i];
	}
	return run;
}

static void find_step(struct line *l, const char *s, const char *end)
{
	struct match m;
	int best = INT_MAX;
	l->has_step = false;
	l->step = 0;
	for (const char *at = s; next_match(at, at, end, &m); at = m.end)
		note_step(l, choose_name(l->p, m.name), m.value, &best);
}

static void scan_default(struct line *l, const char *s, const char *end)
{
	struct match m;
	for (const char *at = s; next_match(at, at, end, &m); at = m.end)
		emit(l, choose_name(l->p, m.name), m.value);
}

/* ---- text: the user's patterns ----------------------------------------------------------------- */

static struct span trim(struct span v)
{
	while (v.n > 0 && is_space(v.s[0])) {
		v.s++;
		v.n--;
	}
	while (v.n > 0 && is_space(v.s[v.n - 1]))
		v.n--;
	return v;
}

static void scan_pattern(struct line *l, struct regex *r, const char *s, size_t n, size_t *steps)
{
	struct regex_span found[REGEX_SPANS];
	for (size_t at = 0; at <= n && regex_find(r, s, n, at, found, steps);) {
		if (found[1].start != SIZE_MAX && found[2].start != SIZE_MAX) {
			struct span name = trim((struct span){s + found[1].start, found[1].end - found[1].start});
			struct span text = trim((struct span){s + found[2].start, found[2].end - found[2].start});
			double value;
			if (parse_value(text, &value))
				emit(l, name, value);
		}
		at = found[0].end > at ? found[0].end : at + 1;
	}
}

static void scan_patterns(struct line *l, const char *s, const char *end)
{
	size_t n = (size_t)(end - s), steps = PATTERN_STEPS_MAX;
	if (n > LINES_PATTERN_LINE_MAX)
		n = LINES_PATTERN_LINE_MAX;
	for (size_t i = 0; i < l->p->n_patterns; i++)
		scan_pattern(l, l->p->patterns[i], s, n, &steps);
}

/* ---- text -------------------------------------------------------------------------------------- */

/* A time as the first word. */
static int64_t leading_time(const char *s, const char *end)
{
	char word[64];
	int64_t us;
	const char *space = memchr(s, ' ', (size_t)(end - s));
	size_t n = (size_t)((space != NULL ? space : end) - s);
	if (n < 20 || n >= sizeof word || !is_digit(s[0]))
		return 0;
	memcpy(word, s, n);
	word[n] = '\0';
	return clk_parse_time(word, &us) ? us : 0;
}

/* Copies the line without the escape sequences that colour it. */
static size_t strip_escapes(char *out, const char *s, size_t n)
{
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] != '\033') {
			out[len++] = s[i];
			continue;
		}
		if (i + 1 < n && s[i + 1] == '[') {
			for (i += 2; i < n && !(s[i] >= '@' && s[i] <= '~'); i++)
				continue;
		} else {
			i++;
		}
		out[len++] = ' '; /* a colour separates words */
	}
	return len;
}

static void parse_text(struct line *l, const char *s, const char *end)
{
	/* Most lines of most programs: nothing in them. */
	bool plausible = l->p->n_patterns > 0 || memchr(s, '=', (size_t)(end - s)) != NULL;
	if (s == end || !plausible)
		return;
	l->time_us = leading_time(s, end);
	find_step(l, s, end);
	if (l->p->n_patterns > 0)
		scan_patterns(l, s, end);
	else
		scan_default(l, s, end);
}

static void parse_text_line(struct line *l, const char *s, size_t n)
{
	if (l->p->plain != NULL && memchr(s, '\033', n) != NULL) {
		n = strip_escapes(l->p->plain, s, n);
		s = l->p->plain;
	}
	const char *end = s + n;
	while (s < end) {
		const char *stop = memchr(s, '\r', (size_t)(end - s));
		parse_text(l, s, stop != NULL ? stop : end);
		s = stop != NULL ? stop + 1 : end;
	}
}

/* ---- JSON lines -------------------------------------------------------------------------------- */

static int64_t json_time(const cJSON *v)
{
	int64_t us;
	double seconds;
	if (json_str(v) != NULL && clk_parse_time(json_str(v), &us))
		return us;
	if (json_num_lax(v, &seconds) && seconds > 0 && seconds < 1e11)
		return llround(seconds * 1e6);
	return 0;
}

static bool is_time_key(const char *key)
{
	return strcmp(key, "timestamp") == 0 || strcmp(key, "time") == 0;
}

static void parse_json_line(struct line *l, const char *s, size_t n)
{
	int best = INT_MAX;
	double value;
	while (n > 0 && is_space(s[n - 1]))
		n--;
	const cJSON *tree = n > 0 ? json_parse(s, n, LINES_LINE_MAX, l->p->scratch, NULL) : NULL;
	if (json_is_object(tree)) {
		json_each (v, tree) {
			struct span name = {v->string, strlen(v->string)};
			if (is_time_key(v->string) && l->time_us == 0)
				l->time_us = json_time(v);
			else if (json_num_lax(v, &value))
				note_step(l, name, value, &best);
		}
		json_each (v, tree) {
			if (!is_time_key(v->string) && json_num_lax(v, &value))
				emit(l, (struct span){v->string, strlen(v->string)}, value);
		}
	}
	arena_reset(l->p->scratch);
}

size_t line_parse(struct line_parser *p, const char *line, size_t n, line_point_fn *fn, void *ctx)
{
	struct line l = {.p = p, .fn = fn, .ctx = ctx};
	if (n > LINES_LINE_MAX)
		n = LINES_LINE_MAX;
	switch (p->format) {
	case LINES_TEXT:
		parse_text_line(&l, line, n);
		break;
	case LINES_JSON:
		parse_json_line(&l, line, n);
		break;
	}
	return l.found;
}

size_t line_parse_text(const char *line, size_t n, line_point_fn *fn, void *ctx)
{
	static struct line_parser everything = {.format = LINES_TEXT, .all = true};
	return line_parse(&everything, line, n, fn, ctx);
}
