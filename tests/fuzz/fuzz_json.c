/* JSON in: what is accepted is written, read again, and the same; also by way of YAML. */
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

static void check_json_again(const cJSON *v, struct arena *a)
{
	struct json_writer w;
	struct strbuf b, c;
	const cJSON *again;

	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	jw_value(&w, NULL, v);
	again = json_parse(b.data, b.len, 0, a, NULL);
	must(again && json_equal(v, again));
	strbuf_init(&c, SIZE_MAX);
	jw_init(&w, &c);
	jw_value(&w, NULL, again);
	must(b.len == c.len && memcmp(b.data, c.data, b.len) == 0);
	strbuf_free(&b);
	strbuf_free(&c);
}

static void check_yaml_again(const cJSON *v, struct arena *a)
{
	struct strbuf b;
	const cJSON *again;
	struct yaml_docs docs;

	strbuf_init(&b, SIZE_MAX);
	yaml_write(&b, v);
	must(yaml_parse_all(b.data, b.len, 0, a, &docs, NULL));
	again = docs.n ? docs.items[0] : NULL;
	must(cJSON_IsNull(v) ? docs.n == 0 : json_equal(v, again));
	strbuf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct err e = {0};
	const cJSON *v = json_parse((const char *)data, size, 0, a, &e);

	if (v) {
		check_json_again(v, a);
		check_yaml_again(v, a);
	} else {
		must(e.code == ERR_MALFORMED && utf8_valid(e.detail, strlen(e.detail)));
	}
	arena_free(a);
	return 0;
}
