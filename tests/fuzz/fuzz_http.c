/* Bytes as a connection reads them: however they are cut, the same request comes out. The first byte
 * says where the input is cut in two. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/strbuf.h"
#include "server/api/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static size_t check_head(const char *p, size_t n, size_t cut, struct arena *a)
{
	size_t scanned = 0, again = 0;
	size_t end = http_head_end(p, cut, &scanned);
	if (!end)
		end = http_head_end(p, n, &scanned);
	must(end == http_head_end(p, n, &again) && end <= n);
	if (!end)
		return 0;
	struct http_head head;
	struct err e;
	if (!http_head_parse(arena_dup(a, p, end), end, a, &head, &e))
		return end;
	must(head.path[0] == '/' || head.method == HTTP_OPTIONS);
	must(!(head.chunked && head.content_length >= 0));
	must(head.n_headers <= HTTP_HEADERS_MAX);
	for (size_t i = 0; i < head.n_headers; i++)
		must(head.headers[i].name[0] && !strpbrk(head.headers[i].value, "\r\n"));
	http_head_find(head.headers, head.n_headers, "connection");
	return end;
}

struct decoded {
	bool fine, done;
	struct strbuf out;
};

static struct decoded decode(const char *p, size_t n, size_t cut)
{
	struct decoded d = {.fine = true};
	struct http_chunks c = {0};
	struct err e;
	size_t at = 0, used;
	strbuf_init(&d.out, 4096);
	for (int part = 0; part < 2 && d.fine; part++) {
		size_t end = part ? n : cut;
		do {
			d.fine = http_chunks_feed(&c, p + at, end - at, &used, &d.out, &e);
			at += used;
			must(at <= end);
		} while (d.fine && used > 0 && c.state != HTTP_CHUNK_DONE);
	}
	d.done = c.state == HTTP_CHUNK_DONE;
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const char *p = (const char *)data + 1;
	size_t n = size - 1, cut = n ? data[0] % (n + 1) : 0;
	struct arena *a = arena_new();
	size_t head = check_head(p, n, cut, a);
	p += head;
	n -= head;
	struct decoded whole = decode(p, n, n), parts = decode(p, n, cut < n ? cut : n);
	must(whole.fine == parts.fine && whole.done == parts.done);
	must(!whole.done ||
		 (whole.out.len == parts.out.len && memcmp(whole.out.data, parts.out.data, whole.out.len) == 0));
	strbuf_free(&whole.out);
	strbuf_free(&parts.out);
	arena_free(a);
	return 0;
}
