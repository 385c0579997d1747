/*
 * The log of a run: what its program printed, up to a size. Beyond it the middle is left out: the file
 * keeps the beginning, a line that says so, and, once the run is over, the last 64 KiB (half of a log
 * below 128 KiB). Offsets never
 * change, so that it can be followed while it grows. A full disk is survived: what cannot be
 * written is dropped.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

enum { OUTPUT_TAIL = 64 * 1024 };

struct output {
	int fd;
	int64_t room;                   /* bytes that may still be written                    */
	int64_t dropped;                /* bytes left out so far, those in the tail included   */
	bool failed;                    /* the disk refused                                   */
	char *tail;                     /* ring of the last bytes; NULL before it is needed */
	size_t tail_size, tail_at;
	bool tail_full;
};

/* Takes the descriptor. `max` bytes in all, from 1024 on. */
void output_init(struct output *o, int fd, int64_t max);
void output_write(struct output *o, const char *data, size_t n);
/* Writes the tail and closes. */
void output_end(struct output *o);
