/* A query, a newline, a document: whatever is accepted finds something or nothing, in bounded work, and
 * leaves the document as it was. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/gjson.h"
#include "lib/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static char *text_of(const cJSON *v, struct arena *a)
{
	struct json_writer w;
	struct strbuf b;

	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	jw_value(&w, NULL, v);
	char *text = arena_strdup(a, b.data);
	strbuf_free(&b);
	return text;
}

static void search(const struct gjson *q, const cJSON *doc, struct arena *a)
{
	const char *before = text_of(doc, a);
	const cJSON *found = gjson_get(q, doc, a), *again = gjson_get(q, doc, a);

	must(!found == !again && (!found || json_equal(found, again)));
	must(!gjson_holds(q, doc, a) || json_is_object(found) || json_is_array(found));
	must(strcmp(before, text_of(doc, a)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *newline = size ? memchr(text, '\n', size) : NULL;
	struct arena *a = arena_new();
	struct err e = {0};

	if (newline && newline - text <= 200 && !memchr(text, '\0', (size_t)(newline - text))) {
		const char *query = arena_strndup(a, text, (size_t)(newline - text));
		const struct gjson *q = gjson_compile(query, a, &e);
		size_t n = (size_t)(text + size - newline - 1);
		const cJSON *doc = json_parse(newline + 1, n < 4096 ? n : 4096, 0, a, NULL);

		must(q || (e.code == ERR_INVALID && e.detail[0]));
		if (q && doc)
			search(q, doc, a);
	}
	arena_free(a);
	return 0;
}
