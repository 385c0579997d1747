#include "trial-runner/frames.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "lib/num.h"

#define SIGN '\x1e'
#define MARK "\x1etrimtab "

static const char end_word[] = "end";

/* ---- out ------------------------------------------------------------------------------------------ */

bool frame_point(struct strbuf *out, uint64_t number, const struct run_point *p)
{
	const size_t before = out->len;
	size_t head;

	strbuf_printf(out, MARK "%" PRIu64 " ", number);
	head = out->len;
	point_encode(out, RUN_FROM_OUTPUT, p);
	if (out->len > head && out->len - before <= FRAME_MAX)
		return true;
	out->len = before;
	out->data[before] = '\0';
	return false;
}

void frame_end(struct strbuf *out, uint64_t number)
{
	strbuf_printf(out, MARK "%" PRIu64 " %s\n", number, end_word);
}

/* ---- in ------------------------------------------------------------------------------------------- */

void frames_init(struct frame_reader *r, const struct frame_events *events, void *ctx)
{
	r->events = events;
	r->ctx = ctx;
	r->last = 0;
	r->n = 0;
}

/* What was read before is read again, or a program was started again: neither is a loss. */
static void count(struct frame_reader *r, uint64_t number)
{
	if (r->last > 0 && number > r->last + 1)
		r->events->on_gap(r->ctx, number - r->last - 1);
	r->last = number;
}

/* Without mark and newline; false: it only looks like one of ours. */
static bool take(struct frame_reader *r, char *line, size_t n)
{
	char *space = memchr(line, ' ', n);
	enum run_source source;
	struct run_point p;
	int64_t number;
	size_t rest;

	if (!space || !num_parse_i64(line, (size_t)(space - line), &number) || number < 1)
		return false;
	rest = n - (size_t)(space + 1 - line);
	if (rest == strlen(end_word) && memcmp(space + 1, end_word, rest) == 0) {
		count(r, (uint64_t)number);
		return true;
	}
	if (!point_decode(space + 1, rest, &source, &p))
		return false;
	count(r, (uint64_t)number);
	r->events->on_point(r->ctx, &p);
	return true;
}

static void let_go(struct frame_reader *r)
{
	const size_t n = r->n;

	r->n = 0;
	if (n > 0)
		r->events->on_text(r->ctx, r->held, n);
}

static void end_line(struct frame_reader *r)
{
	char copy[FRAME_MAX];
	size_t n = r->n - 1;

	if (r->held[n - 1] == '\r')     /* a terminal's */
		n--;
	memcpy(copy, r->held, n);
	if (n > strlen(MARK) && take(r, copy + strlen(MARK), n - strlen(MARK)))
		r->n = 0;
	else
		let_go(r);
}

static void hold(struct frame_reader *r, char c)
{
	if (c == SIGN)
		let_go(r);
	assert(r->n < FRAME_MAX);
	r->held[r->n++] = c;
	if (r->n <= strlen(MARK) && c != MARK[r->n - 1])
		let_go(r);
	else if (c == '\n')
		end_line(r);
	else if (r->n == FRAME_MAX)
		let_go(r);
}

void frames_feed(struct frame_reader *r, const char *text, size_t n)
{
	while (n > 0) {
		const char *sign = r->n > 0 ? text : memchr(text, SIGN, n);
		const size_t plain = sign ? (size_t)(sign - text) : n;

		if (plain > 0)
			r->events->on_text(r->ctx, text, plain);
		text += plain;
		n -= plain;
		if (n > 0) {
			hold(r, *text++);
			n--;
		}
	}
}

void frames_end(struct frame_reader *r)
{
	let_go(r);
}
