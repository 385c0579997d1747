/* YAML in: what is accepted can be written as JSON and as YAML, and reads back the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "lib/utf8.h"
#include "lib/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_again(const cJSON *v, struct arena *a)
{
	struct json_writer w;
	struct strbuf b;

	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	jw_value(&w, NULL, v);
	must(json_equal(v, json_parse(b.data, b.len, 0, a, NULL)));
	strbuf_reset(&b);
	yaml_write(&b, v);
	must(json_equal(v, yaml_parse(b.data, b.len, 0, a, NULL)));
	strbuf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct err e = {0};
	struct yaml_docs docs;

	if (yaml_parse_all((const char *)data, size, 0, a, &docs, &e)) {
		for (size_t i = 0; i < docs.n; i++)
			check_again(docs.items[i], a);
	} else {
		must(e.code == ERR_MALFORMED && utf8_valid(e.detail, strlen(e.detail)));
	}
	arena_free(a);
	return 0;
}
