#include "lib/regex.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/regex_impl.h"

static void threads_init(struct threads *t, int n)
{
	t->items = xcalloc((size_t)n, sizeof *t->items);
	t->seen = xcalloc((size_t)n, sizeof *t->seen);
}

struct regex *regex_new(const char *pattern, struct err *e)
{
	struct regex *r = xcalloc(1, sizeof *r);
	if (!regex_compile(r, pattern, e)) {
		regex_free(r);
		return NULL;
	}
	threads_init(&r->now, r->n);
	threads_init(&r->next, r->n);
	return r;
}

void regex_free(struct regex *r)
{
	if (r == NULL)
		return;
	free(r->now.items);
	free(r->now.seen);
	free(r->next.items);
	free(r->next.seen);
	free(r->sets);
	free(r);
}

size_t regex_groups(const struct regex *r)
{
	return r->groups;
}

/* ---- running ----------------------------------------------------------------------------------- */

struct run {
	struct regex *r;
	const char *text;
	size_t n, steps;
};

static bool is_word(const struct run *run, size_t at)
{
	unsigned char c = at < run->n ? (unsigned char)run->text[at] : 0;
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool holds(const struct run *run, enum op op, size_t at)
{
	bool edge = (at > 0 && is_word(run, at - 1)) != is_word(run, at);
	return op == OP_START ? at == 0 : op == OP_END ? at == run->n : op == OP_WORD ? edge : !edge;
}

/* Adds the instructions that consume or match, reached from pc without consuming, in order of
 * preference. */
static void follow(struct run *run, struct threads *t, int pc, size_t at, size_t slots[SLOTS])
{
	for (;;) {
		const struct instruction *i = &run->r->code[pc];
		if (t->seen[pc] == t->generation)
			return;
		t->seen[pc] = t->generation;
		run->steps++;
		if (i->op == OP_JUMP) {
			pc += i->x;
		} else if (i->op == OP_SPLIT) {
			follow(run, t, pc + i->x, at, slots);
			pc += i->y;
		} else if (i->op == OP_SAVE) {
			size_t old = slots[i->x];
			slots[i->x] = at;
			follow(run, t, pc + 1, at, slots);
			slots[i->x] = old;
			return;
		} else if (i->op == OP_START || i->op == OP_END || i->op == OP_WORD || i->op == OP_NOT_WORD) {
			if (!holds(run, i->op, at))
				return;
			pc++;
		} else {
			struct thread *thread = &t->items[t->n++];
			thread->pc = pc;
			memcpy(thread->slots, slots, sizeof thread->slots);
			return;
		}
	}
}

static bool consumes(const struct run *run, const struct instruction *i, unsigned char c)
{
	if (i->op == OP_BYTE)
		return c == i->x;
	return i->op == OP_SET ? regex_set_has(&run->r->sets[i->x], c) : c != '\n';
}

static void threads_clear(struct threads *t)
{
	t->n = 0;
	t->generation++;
}

/* One step of all threads over the byte at `at`; true if one of them has matched before it. */
static bool advance(
	struct run *run, struct threads *now, struct threads *next, size_t at, size_t found[SLOTS])
{
	threads_clear(next);
	for (size_t k = 0; k < now->n; k++) {
		struct thread *t = &now->items[k];
		const struct instruction *i = &run->r->code[t->pc];
		run->steps++;
		if (i->op == OP_MATCH) {
			/* Those behind it are preferred less. */
			memcpy(found, t->slots, sizeof t->slots);
			return true;
		}
		if (at < run->n && consumes(run, i, (unsigned char)run->text[at]))
			follow(run, next, t->pc + 1, at + 1, t->slots);
	}
	return false;
}

bool regex_find(struct regex *r, const char *text, size_t n, size_t from,
	struct regex_span spans[REGEX_SPANS], size_t *steps)
{
	struct run run = {.r = r, .text = text, .n = n};
	struct threads *now = &r->now, *next = &r->next;
	size_t found[SLOTS];
	bool matched = false;
	assert(from <= n);
	threads_clear(now);
	for (size_t at = from; run.steps < *steps; at++) {
		size_t none[SLOTS] = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX};
		if (!matched)
			follow(&run, now, 0, at, none);
		if (now->n == 0 && matched)
			break;
		matched |= advance(&run, now, next, at, found);
		struct threads *swap = now;
		now = next;
		next = swap;
		if (at >= n)
			break;
	}
	bool exhausted = run.steps >= *steps;
	*steps -= exhausted ? *steps : run.steps;
	if (!matched || exhausted)
		return false;
	for (size_t i = 0; i < REGEX_SPANS; i++) {
		bool took_part = found[2 * i] != SIZE_MAX && found[2 * i + 1] != SIZE_MAX;
		spans[i] = (struct regex_span){SIZE_MAX, SIZE_MAX};
		if (took_part)
			spans[i] = (struct regex_span){found[2 * i], found[2 * i + 1]};
	}
	return true;
}
