/* URLs: what is decoded and encoded again decodes to the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/strbuf.h"
#include "lib/uri.h"
#include "lib/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_again(const char *text, struct arena *a)
{
	struct strbuf b;
	const char *again;

	must(utf8_valid(text, strlen(text)));
	strbuf_init(&b, SIZE_MAX);
	uri_encode(&b, text);
	again = uri_decode(b.data, b.len, true, a, NULL);
	must(again && strcmp(again, text) == 0);
	strbuf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *s = arena_strndup(a, (const char *)data, size), *decoded;
	struct uri_query q;
	struct err e = {0};
	struct uri u;

	if (uri_split(s, a, &u, &e)) {
		must(u.scheme && u.userinfo && u.host && u.path && u.port >= 0 && u.port <= 65535);
		must(u.scheme[0] == '\0' || u.host[0] != '\0');
		if (uri_parse_query(u.query, a, &q, &e))
			for (size_t i = 0; i < q.n; i++) {
				check_again(q.pairs[i].name, a);
				check_again(q.pairs[i].value, a);
			}
	}
	decoded = uri_decode(s, strlen(s), false, a, &e);
	if (decoded)
		check_again(decoded, a);
	arena_free(a);
	return 0;
}
