#include "trial-runner/kubernetes/point_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "trial-runner/points.h"

enum { QUEUE_MAX = 8 << 20, FULL = 1 << 20, COPY_MAX = 128 * 1024 };

void point_queue_init(struct point_queue *q)
{
	*q = (struct point_queue){0};
	strbuf_init(&q->text, QUEUE_MAX);
}

void point_queue_free(struct point_queue *q)
{
	strbuf_free(&q->text);
}

void point_queue_add(struct point_queue *q, enum run_source source, const struct run_point *p)
{
	point_encode(&q->text, source, p);
	assert(!q->text.failed);        /* the reader was held long before */
}

static size_t told(const struct point_queue *q)
{
	return (size_t)(q->told - q->acked);
}

struct point_batch *point_queue_tell(struct point_queue *q)
{
	struct point_batch *b;
	const size_t from = told(q);
	size_t n = q->text.len - from;
	char *line, *end;

	if (n == 0 || from >= RUN_POINTS_WINDOW)
		return NULL;
	if (n > COPY_MAX)
		n = (size_t)((char *)memrchr(q->text.data + from, '\n', COPY_MAX) + 1 - (q->text.data + from));
	b = xcalloc(1, sizeof *b);
	b->text = xmalloc(n);
	memcpy(b->text, q->text.data + from, n);
	for (line = b->text; b->n < RUN_POINTS_BATCH && line < b->text + n; line = end + 1) {
		enum run_source source;

		end = memchr(line, '\n', n - (size_t)(line - b->text));
		assert(end);
		const bool good = point_decode(line, (size_t)(end - line), &source, &b->points[b->n]);
		assert(good && (b->n == 0 || source == b->source));
		b->source = source;
		b->n += good;
	}
	q->told += (uint64_t)(line - b->text);
	b->cursor = q->told;
	return b;
}

void point_batch_free(struct point_batch *b)
{
	if (b)
		free(b->text);
	free(b);
}

void point_queue_ack(struct point_queue *q, uint64_t cursor)
{
	if (cursor <= q->acked)
		return;
	assert(cursor <= q->told);
	strbuf_consume(&q->text, (size_t)(cursor - q->acked));
	q->acked = cursor;
}

bool point_queue_empty(const struct point_queue *q)
{
	return q->text.len == 0;
}

bool point_queue_full(const struct point_queue *q)
{
	return q->text.len >= FULL;
}
