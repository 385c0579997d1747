/*
 * Inside the regular expressions: the code that regex_compile.c writes and regex.c runs.
 *
 * Jumps are relative, so that a piece of code can be moved (to put a split in front) and copied (to
 * repeat it) as it is.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/regex.h"

enum op {
	OP_BYTE,
	OP_SET,
	OP_ANY,
	OP_SPLIT,
	OP_JUMP,
	OP_SAVE,
	OP_START,
	OP_END,
	OP_WORD,
	OP_NOT_WORD,
	OP_MATCH
};

struct instruction {
	enum op op;
	int x, y; /* OP_BYTE: x; OP_SET: x = index; OP_SPLIT: x first, then y; OP_SAVE: x = slot */
};

struct set {
	uint8_t bits[32];
};

enum { SLOTS = 2 * REGEX_SPANS };

struct thread {
	int pc;
	size_t slots[SLOTS];
};

struct threads {
	struct thread *items;
	size_t n;
	unsigned *seen; /* generation in which an instruction was last added */
	unsigned generation;
};

struct regex {
	struct instruction code[REGEX_CODE_MAX];
	int n;
	struct set *sets;
	int n_sets;
	size_t groups;
	struct threads now, next;
};

static inline bool regex_set_has(const struct set *s, unsigned char c)
{
	return (s->bits[c / 8] >> c % 8 & 1) != 0;
}

/* Fills in the code, the sets and the groups; false with *e set. */
bool regex_compile(struct regex *r, const char *pattern, struct err *e) MUSTCHECK;
