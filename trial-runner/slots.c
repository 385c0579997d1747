#include "trial-runner/slots.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/strbuf.h"

enum { GPU_LIST_MAX = 64 * 1024 };

static double cpus_of(const struct run_resources *r)
{
	return r->cpu > 0 ? r->cpu : 1;
}

void slots_init(struct slots *s, int32_t slots, double cpus, const char *const *gpus)
{
	size_t n = 0;

	*s = (struct slots){.cap = {.slots = slots, .cpus = cpus}};
	while (gpus && gpus[n])
		n++;
	s->cap.gpus = (int32_t)n;
	if (!gpus)
		return;
	s->gpus = xcalloc(n + 1, sizeof *s->gpus);
	s->gpu_busy = xcalloc(n + 1, sizeof *s->gpu_busy);
	for (size_t i = 0; i < n; i++)
		s->gpus[i] = xstrdup(gpus[i]);
}

void slots_free(struct slots *s)
{
	for (int32_t i = 0; i < s->cap.gpus; i++)
		free(s->gpus[i]);
	free(s->gpus);
	free(s->gpu_busy);
	*s = (struct slots){0};
}

enum run_fit slots_fit(const struct slots *s, const struct run_resources *r)
{
	const struct run_capacity *c = &s->cap;
	double cpus = cpus_of(r);

	if ((c->cpus > 0 && cpus > c->cpus) || r->gpu > c->gpus)
		return RUN_NEVER;
	if (c->slots > 0 && c->slots_used >= c->slots)
		return RUN_WAIT;
	/* Sums of fractions like 0.1 are a hair off. */
	if (c->cpus > 0 && c->cpus_used + cpus > c->cpus + 1e-9)
		return RUN_WAIT;
	return r->gpu > c->gpus - c->gpus_used ? RUN_WAIT : RUN_FITS;
}

static void count(struct slots *s, const struct run_resources *r, int sign)
{
	s->cap.slots_used += sign;
	s->cap.cpus_used += sign * cpus_of(r);
	assert(s->cap.slots_used >= 0);
	if (s->cap.slots_used == 0)
		s->cap.cpus_used = 0;
}

static void mark_gpu(struct slots *s, int32_t i, bool busy)
{
	assert(i >= 0 && i < s->cap.gpus);
	if (s->gpu_busy[i] == busy)
		return;
	s->gpu_busy[i] = busy;
	s->cap.gpus_used += busy ? 1 : -1;
	assert(s->cap.gpus_used >= 0 && s->cap.gpus_used <= s->cap.gpus);
}

char *slots_take(struct slots *s, const struct run_resources *r)
{
	struct strbuf list;
	int32_t wanted = r->gpu;

	count(s, r, 1);
	if (!s->gpus)
		return NULL;
	strbuf_init(&list, GPU_LIST_MAX);
	for (int32_t i = 0; i < s->cap.gpus && wanted > 0; i++) {
		if (s->gpu_busy[i])
			continue;
		mark_gpu(s, i, true);
		strbuf_printf(&list, "%s%s", list.len ? "," : "", s->gpus[i]);
		wanted--;
	}
	assert(wanted == 0 && !list.failed);
	return strbuf_take(&list);
}

/* Each name in the comma-separated list that is one of ours. */
static void mark_gpus(struct slots *s, const char *list, bool busy)
{
	while (list && *list) {
		size_t n = strcspn(list, ",");

		for (int32_t i = 0; i < s->cap.gpus; i++) {
			if (strlen(s->gpus[i]) == n && memcmp(s->gpus[i], list, n) == 0)
				mark_gpu(s, i, busy);
		}
		list += n + (list[n] == ',');
	}
}

void slots_retake(struct slots *s, const struct run_resources *r, const char *gpus)
{
	count(s, r, 1);
	mark_gpus(s, gpus, true);
}

void slots_return(struct slots *s, const struct run_resources *r, const char *gpus)
{
	count(s, r, -1);
	mark_gpus(s, gpus, false);
}
