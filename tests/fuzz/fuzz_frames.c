/* A log with anything in it: whatever is not a point comes out as it went in, in one piece or in pieces, and
 * points are the same. The first byte says how long the pieces are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/attr.h"
#include "lib/strbuf.h"
#include "trial-runner/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 64 << 20 };

struct found {
	struct strbuf text, points;
	uint64_t missing;
};

static void on_text(void *ctx, const char *text, size_t n)
{
	struct found *f = ctx;

	if (n == 0)
		abort();
	strbuf_add(&f->text, text, n);
}

static void on_point(void *ctx, const struct run_point *p)
{
	struct found *f = ctx;

	if (!*p->metric)
		abort();
	point_encode(&f->points, RUN_FROM_OUTPUT, p);
}

static void on_gap(void *ctx, uint64_t missing)
{
	struct found *f = ctx;

	f->missing += missing;
}

static const struct frame_events events = {.on_text = on_text, .on_point = on_point, .on_gap = on_gap};

static void read_in(struct found *f, const char *log, size_t n, size_t piece)
{
	struct frame_reader r;

	f->missing = 0;
	strbuf_init(&f->text, TEXT_MAX);
	strbuf_init(&f->points, TEXT_MAX);
	frames_init(&r, &events, f);
	for (size_t i = 0; i < n; i += piece)
		frames_feed(&r, log + i, n - i < piece ? n - i : piece);
	frames_end(&r);
}

static bool equal(const struct strbuf *a, const struct strbuf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *log = (const char *)data + 1;
	struct found whole, pieces;

	if (size < 2)
		return 0;
	read_in(&whole, log, size - 1, size);
	read_in(&pieces, log, size - 1, data[0] ? data[0] : 1);
	if (!equal(&whole.text, &pieces.text) || !equal(&whole.points, &pieces.points) || whole.missing != pieces.missing)
		abort();
	if (whole.text.len > size - 1 || (!memchr(log, 0x1e, size - 1) && whole.text.len != size - 1))
		abort();
	strbuf_free(&whole.text);
	strbuf_free(&whole.points);
	strbuf_free(&pieces.text);
	strbuf_free(&pieces.points);
	return 0;
}
