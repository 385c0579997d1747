#include "cli/edit.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "lib/strbuf.h"

static const struct {
	const char *flag, *field;
	size_t offset;
	bool duration;
} fields[] = {
	{"max-trials", "maxTrials", offsetof(struct budget_values, max_trials), false},
	{"parallel", "parallelTrials", offsetof(struct budget_values, parallel), false},
	{"max-failed", "maxFailedTrials", offsetof(struct budget_values, max_failed), false},
	{"max-duration", "maxDuration", offsetof(struct budget_values, max_duration_us), true},
};

bool budget_given(const struct cli *c)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (options_given(&c->options, fields[i].flag))
			return true;
	return false;
}

static void write_budget(const struct cli *c, const struct budget_values *v, struct json_writer *w)
{
	jw_object(w, "budget");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		int64_t value;
		char text[NUM_MAX];

		if (!options_given(&c->options, fields[i].flag))
			continue;
		memcpy(&value, (const char *)v + fields[i].offset, sizeof value);
		if (fields[i].duration) {
			num_format_duration(text, value);
			jw_str(w, fields[i].field, text);
		} else {
			jw_int(w, fields[i].field, value);
		}
	}
	jw_end(w);
}

const char *budget_body(const struct cli *c, const struct budget_values *v)
{
	struct strbuf b;
	struct json_writer w;
	const char *text;

	strbuf_init(&b, 4096);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	write_budget(c, v, &w);
	jw_end(&w);
	text = arena_strdup(c->arena, b.data);
	strbuf_free(&b);
	return text;
}

/* "team=vision" sets a label, "team-" removes it. */
static bool write_labels(
	struct arena *a, const struct option_list *labels, struct json_writer *w, struct err *e)
{
	jw_object(w, "labels");
	for (size_t i = 0; i < labels->n; i++) {
		const char *text = labels->items[i], *equals = strchr(text, '=');
		size_t n = strlen(text);

		if (equals && equals != text)
			jw_str(w, arena_strndup(a, text, (size_t)(equals - text)), equals + 1);
		else if (!equals && n > 1 && text[n - 1] == '-')
			jw_null(w, arena_strndup(a, text, n - 1));
		else
			return err_set(e, ERR_INVALID, "--label: '%s' is neither KEY=VALUE nor KEY-", text);
	}
	jw_end(w);
	return true;
}

static bool write_patch(
	const struct cli *c, const struct budget_values *v, struct json_writer *w, struct err *e)
{
	jw_object(w, NULL);
	if (v->labels.n) {
		jw_object(w, "metadata");
		if (!write_labels(c->arena, &v->labels, w, e))
			return false;
		jw_end(w);
	}
	if (budget_given(c)) {
		jw_object(w, "spec");
		write_budget(c, v, w);
		jw_end(w);
	}
	jw_end(w);
	return true;
}

bool budget_patch(
	struct cli *c, const char *name, const struct budget_values *v, const cJSON **answer, struct err *e)
{
	struct strbuf body;
	struct json_writer w;
	struct reply reply;
	struct request r = {
		.method = "PATCH",
		.path = client_path(c->client, c->arena, name, NULL),
		.content_type = "application/merge-patch+json",
	};
	bool ok;

	strbuf_init(&body, 1 << 20);
	jw_init(&w, &body);
	ok = write_patch(c, v, &w, e);
	r.body = body.data;
	ok = ok && client_call(c->client, c->arena, &r, &reply, e);
	strbuf_free(&body);
	if (ok && answer)
		*answer = reply.json;
	return ok;
}
