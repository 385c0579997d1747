/*
 * Points in a program's log: what trimtab-collect found in a metrics file travels as marked lines
 * among those that the program prints.
 *
 *     ␞trimtab 17 o 1795341603120000 3 0.412 loss        number of the line, point (points.h)
 *     ␞trimtab 18 end                                     the file was read to its end
 *
 * ␞ is the byte 0x1e. A line fits into what a pipe takes at once, so that it stays whole wherever it
 * falls; taken out, even from the middle of a line of the program's, it leaves what the program wrote.
 * The numbers count from 1 for each start of the program: a gap in them is a loss.
 *
 * Every point has its step, so a log that is read twice, or from its middle, gives the same points.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/strbuf.h"
#include "trial-runner/backend.h"
#include "trial-runner/points.h"

enum { FRAME_MAX = POINT_LINE_MAX + 64 };

/* True when a line was added; a point that has none (point_encode) takes no number. */
bool frame_point(struct strbuf *out, uint64_t number, const struct run_point *p);
void frame_end(struct strbuf *out, uint64_t number);

struct frame_events {
	void (*on_text)(void *ctx, const char *text, size_t n);         /* what the program printed */
	void (*on_point)(void *ctx, const struct run_point *p);
	void (*on_gap)(void *ctx, uint64_t missing);                    /* so many lines are not there */
};

struct frame_reader {
	const struct frame_events *events;
	void *ctx;
	uint64_t last;                  /* number of the last line; 0 = none  */
	size_t n;
	char held[FRAME_MAX];           /* what may become a line of ours     */
};

void frames_init(struct frame_reader *r, const struct frame_events *events, void *ctx);
void frames_feed(struct frame_reader *r, const char *text, size_t n);
/* The log is over: what was held back was the program's. */
void frames_end(struct frame_reader *r);
