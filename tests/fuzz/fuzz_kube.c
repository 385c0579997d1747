/* Any JSON as a pod, as an object and as a manifest: it is judged without harm, and what is dressed is JSON
 * that says whose it is. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "server/model/kinds.h"
#include "trial-runner/kubernetes/dress.h"
#include "trial-runner/kubernetes/object.h"
#include "trial-runner/kubernetes/pod.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void judge_pod(const cJSON *v, struct arena *a)
{
	static const char *const labels[] = {"a=b", NULL};
	struct pod_state s;

	pod_judge(v, NULL, a, &s);
	pod_judge(v, "trial", a, &s);
	must(s.reason || s.phase == POD_RUNNING);
	must(s.phase != POD_ENDED || (s.message && s.exit_code >= -1));
	(void)pod_is_primary(v, labels, "trial");
	(void)job_pod_is_final(v, &s, 1);
}

static void judge_object(const cJSON *v, struct arena *a)
{
	struct object_state s;
	struct err e;

	for (const struct kind *k = kinds; k->kind; k++) {
		object_judge(judge_new(k->success, k->failure, a, &e), v, a, &s);
		must(s.phase != OBJECT_FAILED || (s.reason && s.message));
	}
}

static void dress_it(const cJSON *v, enum run_collector collector, struct arena *a)
{
	static const char *const env[] = {"TRIMTAB_TOKEN=t", "A=$(B)", NULL}, *const when[] = {"status.x", NULL};
	const struct run_object object = {.manifest = v, .ns = "n", .primary_container = "trial", .success_when = when,
		.failure_when = when, .checkpoint_path = "/c", .checkpoint_claim = "c"};
	const struct run_order o = {.key = {.experiment_id = 1, .number = 2, .attempt = 3, .uid = "u"}, .parent = 1,
		.ns = "n", .experiment = "e", .trial = "e-1", .env = env, .object = &object, .timeout_us = 1,
		.metrics = {.collector = collector, .path = "m"}};
	struct dressed d;
	struct run_card card;
	struct err e = {0};
	const cJSON *again;

	if (!dress(&o, "trimtab:1", a, &d, &e)) {
		must(e.code == ERR_INVALID || e.code == ERR_TOO_LARGE);
		return;
	}
	again = json_parse(d.object, strlen(d.object), 0, a, &e);
	must(again && card_read(again, a, &card) && card.key.number == 2);
	must(strcmp(json_str(json_at(again, "/metadata/name")), "e-1-3") == 0);
	must(json_parse(d.secret, strlen(d.secret), 0, a, &e) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const cJSON *v = json_parse((const char *)data, size, 1 << 16, a, NULL);
	struct run_card card;

	if (v) {
		judge_pod(v, a);
		judge_object(v, a);
		dress_it(v, RUN_COLLECT_STDOUT, a);
		dress_it(v, RUN_COLLECT_FILE, a);
		must(!card_read(v, a, &card) || card.success_when);
		(void)dress_owner_patch(v, a);
	}
	arena_free(a);
	return 0;
}
