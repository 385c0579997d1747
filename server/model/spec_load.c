/* A stored experiment becomes a spec again. */
#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "server/model/spec.h"

#include <assert.h>
#include <string.h>

enum { DOCUMENT_MAX = 4 * SPEC_DOCUMENT_MAX }; /* defaults make a document longer, never this much */

static const char *document(const struct spec_stored *x, struct arena *a)
{
	struct strbuf text;
	struct json_writer w;

	strbuf_init(&text, DOCUMENT_MAX);
	jw_init(&w, &text);
	jw_object(&w, NULL);
	jw_str(&w, "apiVersion", "trimtab/v1");
	jw_str(&w, "kind", "Experiment");
	jw_object(&w, "metadata");
	jw_str(&w, "name", x->name);
	jw_str(&w, "namespace", x->namespace);
	if (x->labels)
		jw_raw(&w, "labels", x->labels);
	if (x->annotations)
		jw_raw(&w, "annotations", x->annotations);
	jw_end(&w);
	jw_raw(&w, "spec", x->spec);
	jw_end(&w);
	const char *copy = text.failed ? NULL : arena_strndup(a, text.data, text.len);
	strbuf_free(&text);
	return copy;
}

bool spec_load(
	const struct spec_stored *x, struct arena *a, const struct experiment_spec **out, struct err *e)
{
	struct problems p;

	assert(x->namespace && x->name && x->spec);
	const char *text = document(x, a);
	if (!text)
		return err_set(e, ERR_INTERNAL, "the stored spec of %s/%s is too long", x->namespace, x->name);
	const cJSON *doc = json_parse(text, strlen(text), 0, a, e);
	if (!doc)
		return false;
	problems_init(&p, a);
	if (spec_from_json(doc, &(struct spec_options){.namespace = x->namespace}, a, out, &p, NULL))
		return true;
	return err_set(e, ERR_INTERNAL, "the stored spec of %s/%s cannot be read: %s: %s", x->namespace, x->name,
		p.n ? p.items[0].pointer : "", p.n ? p.items[0].detail : "no reason given");
}
