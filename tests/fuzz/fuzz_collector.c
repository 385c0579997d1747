/* A program's output, whatever it is: the same points in one piece and in pieces, and all of them come back
 * from the points file as they went in. The first byte says how long the pieces are. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/attr.h"
#include "lib/mem.h"
#include "lib/strbuf.h"
#include "trial-runner/collector.h"
#include "trial-runner/points.h"

enum { TEXT_MAX = 64 << 20 };

static void note(void *ctx, const struct run_point *p)
{
	point_encode(ctx, RUN_FROM_OUTPUT, p);
}

static char *collect(const struct run_metrics *m, const char *data, size_t n, size_t piece, size_t *out_n)
{
	struct strbuf out;
	struct metric_collector *c;

	strbuf_init(&out, TEXT_MAX);
	c = collector_new(m, note, &out);
	for (size_t i = 0; i < n; i += piece)
		collector_feed(c, data + i, n - i < piece ? n - i : piece, 1);
	collector_end(c, 1);
	collector_spool(c, data, n, 1);
	collector_free(c);
	*out_n = out.len;
	return strbuf_take(&out);
}

static void check_line(char *line, size_t n)
{
	char *before = xstrndup(line, n);
	enum run_source source;
	struct run_point p;
	struct strbuf again;

	if (!point_decode(line, n, &source, &p))
		abort();
	strbuf_init(&again, TEXT_MAX);
	point_encode(&again, source, &p);
	if (again.len != n + 1 || memcmp(again.data, before, n) != 0)
		abort();
	strbuf_free(&again);
	free(before);
}

static void check(const struct run_metrics *m, const char *data, size_t n, size_t piece)
{
	size_t whole_n, pieces_n;
	char *whole = collect(m, data, n, n ? n : 1, &whole_n), *pieces = collect(m, data, n, piece, &pieces_n);
	char *line = whole, *end;

	if (whole_n != pieces_n || memcmp(whole, pieces, whole_n) != 0)
		abort();
	for (; (end = memchr(line, '\n', whole_n - (size_t)(line - whole))); line = end + 1)
		check_line(line, (size_t)(end - line));
	free(whole);
	free(pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct run_metrics m = {.collector = RUN_COLLECT_STDOUT};
	const char *text = (const char *)data + 1;

	if (n < 1)
		return 0;
	m.json_lines = data[0] & 1;
	check(&m, text, n - 1, 1 + data[0] / 2);
	return 0;
}
