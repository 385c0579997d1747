/* The short form of a trial on Kubernetes, image and command and what it needs, as a whole Job. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "server/model/render_impl.h"
#include "server/model/spec.h"

/* A finished Job that was not deleted, because no server was there any more, goes a day later. */
enum { TTL_SECONDS = 24 * 3600 };

/* Kubernetes replaces $(NAME) in a command, and takes $$ for $; in ours a $ is itself. */
static void add_word(struct json_writer *w, const char *word, struct strbuf *scratch)
{
	strbuf_reset(scratch);
	for (const char *p = word; *p != '\0'; p++) {
		if (*p == '$')
			strbuf_putc(scratch, '$');
		strbuf_putc(scratch, *p);
	}
	jw_strn(w, NULL, scratch->data, scratch->len);
}

static void write_command(const struct trial_facts *t, struct json_writer *w, struct arena *a)
{
	size_t n;
	char **words = render_command(t, a, &n);
	struct strbuf scratch;
	if (n == 0)
		return;
	strbuf_init(&scratch, SIZE_MAX);
	jw_array(w, "command");
	for (size_t i = 0; i < n; i++)
		add_word(w, words[i], &scratch);
	jw_end(w);
	strbuf_free(&scratch);
}

/* Limits are requests as well, unless a request is given. */
static void write_resources(const struct resources *r, struct json_writer *w, struct arena *a)
{
	if (r->cpu == NULL && r->memory == NULL && r->gpu == 0)
		return;
	jw_object(w, "resources");
	jw_object(w, "limits");
	if (r->cpu != NULL)
		jw_str(w, "cpu", r->cpu);
	if (r->memory != NULL)
		jw_str(w, "memory", r->memory);
	if (r->gpu > 0)
		jw_str(w, r->gpu_resource, arena_printf(a, "%" PRId64, r->gpu));
	jw_end(w);
	jw_end(w);
}

static void write_container(const struct trial_facts *t, struct json_writer *w, struct arena *a)
{
	const struct trial_template *trial = &t->spec->trial;
	jw_array(w, "containers");
	jw_object(w, NULL);
	jw_str(w, "name", trial->primary_container);
	jw_str(w, "image", trial->image);
	write_command(t, w, a);
	if (trial->working_directory != NULL)
		jw_str(w, "workingDir", render_text(t, trial->working_directory, a));
	write_resources(&trial->resources, w, a);
	jw_end(w);
	jw_end(w);
}

static void write_pod(const struct trial_facts *t, struct json_writer *w, struct arena *a)
{
	const struct trial_template *trial = &t->spec->trial;
	jw_object(w, "template");
	jw_object(w, "spec");
	jw_str(w, "restartPolicy", "Never");
	/* A program that trains has no business with the API server; and the volume with its token costs each
	 * start some 300 ms. */
	if (trial->service_account != NULL)
		jw_str(w, "serviceAccountName", trial->service_account);
	else
		jw_bool(w, "automountServiceAccountToken", false);
	if (trial->node_selector != NULL)
		jw_value(w, "nodeSelector", trial->node_selector);
	if (trial->tolerations != NULL)
		jw_value(w, "tolerations", trial->tolerations);
	write_container(t, w, a);
	jw_end(w);
	jw_end(w);
}

void render_job(const struct trial_facts *t, struct json_writer *w, struct arena *a)
{
	jw_object(w, NULL);
	jw_str(w, "apiVersion", "batch/v1");
	jw_str(w, "kind", "Job");
	jw_object(w, "spec");
	jw_int(w, "backoffLimit", 0); /* a program is started once; another attempt is a Job of its own */
	if (!t->spec->trial.retain)
		jw_int(w, "ttlSecondsAfterFinished", TTL_SECONDS);
	write_pod(t, w, a);
	jw_end(w);
	jw_end(w);
}

const cJSON *render_claim(const struct experiment_spec *s, struct arena *a)
{
	const struct checkpoint_volume *c = &s->trial.checkpoints;
	struct json_writer w;
	struct strbuf b;
	if (c->size == NULL)
		return NULL;
	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	jw_array(&w, "accessModes");
	jw_str(&w, NULL, c->access_mode);
	jw_end(&w);
	jw_object(&w, "resources");
	jw_object(&w, "requests");
	jw_str(&w, "storage", c->size);
	jw_end(&w);
	jw_end(&w);
	if (c->storage_class != NULL)
		jw_str(&w, "storageClassName", c->storage_class);
	jw_end(&w);
	const cJSON *tree = json_parse(b.data, b.len, 0, a, NULL);
	assert(tree != NULL);
	strbuf_free(&b);
	return tree;
}
