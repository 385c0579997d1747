#include "lib/problems.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/num.h"
#include "lib/utf8.h"

void problems_init(struct problems *p, struct arena *a)
{
	p->arena = a;
	p->n = p->total = 0;
}

bool problem_add(struct problems *p, const char *pointer, const char *code, const char *fmt, ...)
{
	va_list ap;

	p->total++;
	if (p->n == PROBLEMS_MAX)
		return false;
	va_start(ap, fmt);
	p->items[p->n++] = (struct problem){
		.pointer = arena_strdup(p->arena, pointer),
		.code = code,
		.detail = arena_vprintf(p->arena, fmt, ap),
	};
	va_end(ap);
	return false;
}

bool problem_unknown(struct problems *p, const char *pointer, const char *code, const char *what,
	const char *given, const char *const *names)
{
	problem_add(p, pointer, code, "'%.*s' is not %s", utf8_cut(given, 80), given, what);
	if (p->total == p->n)
		p->items[p->n - 1].did_you_mean = nearest_name(given, names);
	return false;
}

enum { TOKEN_MAX = 200 };

/* How many bytes of a name a pointer shows: all, unless somebody means to fill our memory with it. */
static size_t shown(const char *token)
{
	size_t n = strnlen(token, TOKEN_MAX + 1);

	if (n <= TOKEN_MAX)
		return n;
	for (n = TOKEN_MAX; n > 0 && ((unsigned char)token[n] & 0xC0) == 0x80; n--)
		continue;
	return n;
}

const char *problem_path(struct problems *p, const char *pointer, const char *token)
{
	size_t before = strlen(pointer), n = shown(token);
	const char *tail = token[n] != '\0' ? "..." : "";
	char *path = arena_alloc(p->arena, before + 2 * n + sizeof "/..."), *out = path + before;

	memcpy(path, pointer, before);
	*out++ = '/';
	for (size_t i = 0; i < n; i++) {
		if (token[i] == '~' || token[i] == '/') {
			*out++ = '~';
			*out++ = token[i] == '~' ? '0' : '1';
		} else {
			*out++ = token[i];
		}
	}
	memcpy(out, tail, strlen(tail) + 1);
	return path;
}

const char *problem_index(struct problems *p, const char *pointer, size_t i)
{
	char number[NUM_MAX]; /* not by printf: this runs for every item of every list, mostly for nothing */

	num_format_i64(number, (int64_t)i);
	return problem_path(p, pointer, number);
}

enum { NAME_MAX_COMPARED = 64 };

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Insertions, deletions, substitutions and swaps of neighbours that turn a into b, case ignored.
 * Neither is longer than NAME_MAX_COMPARED. */
static size_t edit_distance(const char *a, size_t an, const char *b, size_t bn)
{
	size_t rows[3][NAME_MAX_COMPARED + 1], *two_up = rows[0], *up = rows[1], *row = rows[2];

	for (size_t j = 0; j <= bn; j++)
		up[j] = two_up[j] = j;
	for (size_t i = 1; i <= an; i++) {
		size_t *oldest = two_up;

		row[0] = i;
		for (size_t j = 1; j <= bn; j++) {
			int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);

			row[j] = min3(up[j] + 1, row[j - 1] + 1, up[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
				y == tolower((unsigned char)a[i - 2]) && two_up[j - 2] + 1 < row[j])
				row[j] = two_up[j - 2] + 1;
		}
		two_up = up;
		up = row;
		row = oldest;
	}
	return up[bn];
}

const char *nearest_name(const char *given, const char *const *names)
{
	size_t n = strlen(given), best = 1 + n / 4;
	const char *nearest = NULL;

	if (n == 0 || n > NAME_MAX_COMPARED)
		return NULL;
	for (; *names; names++) {
		size_t len = strlen(*names), distance;

		if (len > NAME_MAX_COMPARED)
			continue;
		distance = edit_distance(given, n, *names, len);
		if (distance < best || (distance == best && !nearest)) {
			best = distance;
			nearest = *names;
		}
	}
	return nearest;
}
