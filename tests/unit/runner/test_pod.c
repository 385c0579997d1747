#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/clk.h"
#include "trial-runner/kubernetes/pod.h"

static const cJSON *tree_of(const char *text, struct arena *a)
{
	struct err e = {0};
	const cJSON *tree = json_parse(text, strlen(text), 0, a, &e);

	if (!tree)
		fail_msg("%s in %s", e.detail, text);
	return tree;
}

/* A pod as the API server sends it, without what is not looked at. Times are 21:00:<s> of one day. */
#define AT(s) "\"2026-11-22T21:00:" s "Z\""
#define POD(restart, node, status)                                                                       \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p-x1\",\"uid\":\"u\","              \
	"\"creationTimestamp\":" AT("01") "},\"spec\":{" node "\"restartPolicy\":\"" restart "\","           \
	"\"initContainers\":[{\"name\":\"prepare\",\"image\":\"busybox:0\"}],"                               \
	"\"containers\":[{\"name\":\"trial\",\"image\":\"example/train:1\"},{\"name\":\"side\",\"image\":\"s\"}]}," \
	"\"status\":{" status "}}"
#define NODE "\"nodeName\":\"n1\","
#define ON_NODE(status) POD("Never", NODE, status)
#define SCHEDULED                                                                          \
	"\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"True\",\"lastTransitionTime\":" AT("02") "}]"
#define TRIAL(state)                                                                       \
	"\"containerStatuses\":[{\"name\":\"side\",\"state\":{\"running\":{}}},{\"name\":\"trial\",\"restartCount\":0,\"state\":{" state "}}]"
#define WAITING(reason, message) TRIAL("\"waiting\":{\"reason\":\"" reason "\",\"message\":\"" message "\"}")
#define PENDING(reason, message) ON_NODE("\"phase\":\"Pending\"," SCHEDULED "," WAITING(reason, message))
#define TERMINATED(code, reason, more)                                                     \
	TRIAL("\"terminated\":{\"exitCode\":" code ",\"reason\":\"" reason "\"," more               \
		"\"startedAt\":" AT("05") ",\"finishedAt\":" AT("09") "}")
#define RUNNING TRIAL("\"running\":{\"startedAt\":" AT("05") "}")
#define DISRUPTED(reason, message)                                                                              \
	"\"conditions\":[{\"type\":\"DisruptionTarget\",\"status\":\"True\",\"reason\":\"" reason "\",\"message\":\"" message "\"}]"

#define NO_ROOM "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available"

static const struct waiting {
	const char *pod, *reason;
	bool stuck;
	int since;                      /* second */
	const char *message;            /* how it begins; NULL: nothing is said */
} waiting[] = {
	{POD("Never", "", "\"phase\":\"Pending\""), "Pending", false, 1, "the scheduler has not looked at its pod yet"},
	{POD("Never", "", "\"phase\":\"Pending\",\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":"
		"\"Unschedulable\",\"message\":\"" NO_ROOM ".\",\"lastTransitionTime\":" AT("03") "}]"),
		"Unschedulable", true, 3, "no node can take its pod: " NO_ROOM "; ask for less in resources, check"},
	{POD("Never", "", "\"phase\":\"Pending\",\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":"
		"\"SchedulingGated\",\"message\":\"Scheduling is blocked due to non-empty scheduling gates\"}]"),
		"SchedulingGated", false, 1, "its pod is held back until"},
	{ON_NODE("\"phase\":\"Pending\"," SCHEDULED), "ContainerCreating", false, 2, "its image is fetched and its volumes"},
	{PENDING("ContainerCreating", ""), "ContainerCreating", false, 2, "its image is fetched and its volumes"},
	{PENDING("PodInitializing", ""), "PodInitializing", false, 2, "its pod's init containers run"},
	{PENDING("ErrImagePull", "failed to resolve reference: not found"), "ErrImagePull", true, 2,
		"its image example/train:1 cannot be pulled: failed to resolve reference: not found; check its name"},
	{PENDING("ImagePullBackOff", "Back-off pulling image.\\n"), "ImagePullBackOff", true, 2,
		"its image example/train:1 cannot be pulled: Back-off pulling image; check its name, and that the cluster"},
	{PENDING("InvalidImageName", ""), "InvalidImageName", true, 2,
		"example/train:1 is not the name of an image; correct it"},
	{PENDING("ErrImageNeverPull", "Container image is not present with pull policy of Never"), "ErrImageNeverPull", true, 2,
		"its image example/train:1 is not on the node, and may not be pulled: Container image"},
	{PENDING("CreateContainerConfigError", "secret \\\"e-x\\\" not found"), "CreateContainerConfigError", true, 2,
		"its container of image example/train:1 cannot be configured: secret \"e-x\" not found; check the Secrets"},
	{PENDING("CreateContainerError", "x"), "CreateContainerError", true, 2, "its container of image example/train:1"},
	{POD("OnFailure", NODE, "\"phase\":\"Running\"," SCHEDULED ","
		WAITING("CrashLoopBackOff", "back-off 10s restarting failed container=trial")),
		"CrashLoopBackOff", true, 2, "its program, of image example/train:1, ends again and again: back-off 10s"},
	{POD("OnFailure", NODE, "\"phase\":\"Running\"," TERMINATED("1", "Error", "")), "Restarting", false, 9,
		"ended, and is started again"},
	{ON_NODE("\"phase\":\"Pending\"," SCHEDULED ",\"initContainerStatuses\":[{\"name\":\"prepare\",\"state\":{\"waiting\":"
		"{\"reason\":\"ErrImagePull\",\"message\":\"no\"}}}]," WAITING("PodInitializing", "")),
		"ErrImagePull", true, 2, "its image busybox:0 cannot be pulled: no; "},
	{PENDING("SomethingNew", "said"), "SomethingNew", false, 2, "said"},
};

static int second_of(int64_t us)
{
	char text[CLK_TIME_MAX];

	if (us == 0)
		return 0;
	clk_format_time(text, us);
	return (text[17] - '0') * 10 + text[18] - '0';
}

static void assert_begins(const char *found, const char *expected, const char *where)
{
	if (!found != !expected || (found && strncmp(found, expected, strlen(expected)) != 0))
		fail_msg("%s: %s, not %s", where, found ? found : "(nothing)", expected ? expected : "(nothing)");
}

static void test_waiting(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
		const struct waiting *w = &waiting[i];
		struct arena *a = arena_new();
		struct pod_state s;

		pod_judge(tree_of(w->pod, a), "trial", a, &s);
		assert_int_equal(s.phase, POD_WAITING);
		assert_begins(s.reason, w->reason, w->pod);
		assert_begins(s.message, w->message, w->reason);
		if (s.stuck != w->stuck || second_of(s.waiting_us) != w->since)
			fail_msg("%s: stuck %d, since %d", w->reason, s.stuck, second_of(s.waiting_us));
		arena_free(a);
	}
}

static const struct ended {
	const char *pod;
	enum pod_end end;
	int exit_code, signal;
	bool oom;
	const char *reason, *message;
} ended[] = {
	{ON_NODE("\"phase\":\"Running\"," TERMINATED("0", "Completed", "")), POD_END_EXIT, 0, 0, false, "Completed",
		"ended with exit code 0"},
	{ON_NODE("\"phase\":\"Succeeded\"," TERMINATED("0", "Completed", "")), POD_END_EXIT, 0, 0, false, "Completed", "ended"},
	{POD("OnFailure", NODE, "\"phase\":\"Running\"," TERMINATED("0", "Completed", "")), POD_END_EXIT, 0, 0, false,
		"Completed", "ended with exit code 0"},
	{ON_NODE("\"phase\":\"Failed\"," TERMINATED("3", "Error", "")), POD_END_EXIT, 3, 0, false, "Error",
		"ended with exit code 3"},
	{ON_NODE("\"phase\":\"Failed\"," TERMINATED("127", "Error", "")), POD_END_EXIT, 127, 0, false, "Error",
		"ended with exit code 127: a command was not found"},
	{ON_NODE("\"phase\":\"Failed\"," TERMINATED("137", "OOMKilled", "")), POD_END_EXIT, -1, 9, true, "OOMKilled",
		"was killed because it used more memory than its limit: raise resources.memory"},
	{ON_NODE("\"phase\":\"Failed\"," TERMINATED("1", "OOMKilled", "")), POD_END_EXIT, 1, 0, true, "OOMKilled", "was killed"},
	{ON_NODE("\"phase\":\"Failed\"," TERMINATED("139", "Error", "")), POD_END_EXIT, -1, 11, false, "Killed",
		"was killed by signal 11 (Segmentation fault)"},
	{ON_NODE("\"phase\":\"Failed\"," TERMINATED("143", "Error", "")), POD_END_EXIT, -1, 15, false, "Killed", "was killed by signal 15"},
	{ON_NODE("\"phase\":\"Failed\"," TERMINATED("255", "Error", "")), POD_END_EXIT, 255, 0, false, "Error", "ended with exit code 255"},
	{ON_NODE("\"phase\":\"Failed\"," TERMINATED("128", "StartError",
		"\"message\":\"exec: \\\"trian\\\": executable file not found in $PATH\",")),
		POD_END_EXIT, 128, 0, false, "StartError",
		"could not be started: exec: \"trian\": executable file not found in $PATH; check its command"},
	{ON_NODE("\"phase\":\"Failed\",\"reason\":\"DeadlineExceeded\",\"message\":\"Pod was active on the node longer than the "
		"specified deadline\"," TERMINATED("143", "Error", "")),
		POD_END_DEADLINE, -1, 15, false, "DeadlineExceeded", "ran longer than its timeout"},
	{ON_NODE("\"phase\":\"Failed\",\"reason\":\"Evicted\",\"message\":\"The node was low on resource: memory. Threshold "
		"quantity: 100Mi, available: 50Mi.\""),
		POD_END_LOST, -1, 0, false, "Evicted", "the node n1 gave its pod up: The node was low on resource: memory."},
	{ON_NODE("\"phase\":\"Failed\",\"reason\":\"Evicted\",\"message\":\"Pod ephemeral local storage usage exceeds the total "
		"limit of containers 1Gi. \"," TERMINATED("137", "Error", "")),
		POD_END_EXIT, -1, 9, false, "Evicted", "its pod was evicted: Pod ephemeral local storage usage exceeds"},
	{ON_NODE("\"phase\":\"Failed\"," DISRUPTED("EvictionByEvictionAPI", "Eviction API: evicting") ","
		TERMINATED("143", "Error", "")),
		POD_END_LOST, -1, 15, false, "EvictionByEvictionAPI", "the node n1 gave its pod up: Eviction API: evicting"},
	{ON_NODE("\"phase\":\"Failed\"," DISRUPTED("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")),
		POD_END_LOST, -1, 0, false, "DeletionByTaintManager", "the node n1 gave its pod up: Taint manager"},
	{ON_NODE("\"phase\":\"Succeeded\"," DISRUPTED("EvictionByEvictionAPI", "e") "," TERMINATED("0", "Completed", "")),
		POD_END_EXIT, 0, 0, false, "Completed", "ended with exit code 0"},
	{ON_NODE("\"phase\":\"Failed\"," TERMINATED("137", "ContainerStatusUnknown", "")), POD_END_LOST, -1, 9, false,
		"NodeLost", "the node n1 gave its pod up: nothing more is known"},
	{ON_NODE("\"phase\":\"Failed\",\"reason\":\"OutOfcpu\",\"message\":\"Pod was rejected: Node didn't have enough "
		"resource: cpu\""),
		POD_END_LOST, -1, 0, false, "OutOfcpu", "the node n1 gave its pod up: Pod was rejected"},
	{ON_NODE("\"phase\":\"Failed\",\"reason\":\"Terminated\",\"message\":\"Pod was terminated in response to imminent node "
		"shutdown.\"," TERMINATED("0", "Completed", "")),
		POD_END_LOST, 0, 0, false, "Terminated", "the node n1 gave its pod up: Pod was terminated"},
	{ON_NODE("\"phase\":\"Failed\",\"initContainerStatuses\":[{\"name\":\"prepare\",\"state\":{\"terminated\":{\"exitCode\":2"
		"}}}]," WAITING("PodInitializing", "")),
		POD_END_EXIT, -1, 0, false, "InitContainerFailed", "its init container prepare ended with exit code 2"},
	{ON_NODE("\"phase\":\"Failed\""), POD_END_EXIT, -1, 0, false, "Failed", "its pod failed before its container ran"},
};

static void test_ended(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ended); i++) {
		const struct ended *x = &ended[i];
		struct arena *a = arena_new();
		struct pod_state s;

		pod_judge(tree_of(x->pod, a), "trial", a, &s);
		if (s.phase != POD_ENDED || s.end != x->end || s.exit_code != x->exit_code || s.signal != x->signal || s.oom != x->oom)
			fail_msg("%s\nphase %d, end %d, exit %d, signal %d, oom %d", x->pod, s.phase, s.end, s.exit_code, s.signal, s.oom);
		assert_begins(s.reason, x->reason, x->pod);
		assert_begins(s.message, x->message, x->pod);
		if (strstr(x->pod, "finishedAt")) {
			assert_int_equal(second_of(s.started_us), 5);
			assert_int_equal(second_of(s.ended_us), 9);
		}
		arena_free(a);
	}
}

static void test_running(void **state)
{
	struct arena *a = arena_new();
	struct pod_state s;

	(void)state;
	pod_judge(tree_of(ON_NODE("\"phase\":\"Running\"," SCHEDULED "," RUNNING), a), "trial", a, &s);
	assert_int_equal(s.phase, POD_RUNNING);
	assert_int_equal(second_of(s.started_us), 5);
	assert_string_equal(s.name, "p-x1");
	assert_string_equal(s.uid, "u");
	assert_string_equal(s.node, "n1");
	assert_false(s.deleting || s.may_restart || s.reason);
	/* Without a name the first container counts. */
	pod_judge(tree_of(POD("Always", NODE, "\"phase\":\"Running\"," RUNNING), a), NULL, a, &s);
	assert_int_equal(s.phase, POD_RUNNING);
	assert_true(s.may_restart);
	arena_free(a);
}

/* Whatever it is, it is no reason to fall over. */
static void test_odd(void **state)
{
	static const char *const odd[] = {"{}", "[]", "1", "null", "{\"status\":[],\"spec\":1,\"metadata\":\"x\"}",
		"{\"status\":{\"phase\":1,\"conditions\":{\"a\":1},\"containerStatuses\":{\"name\":\"trial\"}}}",
		"{\"status\":{\"containerStatuses\":[1,null,{\"name\":\"trial\",\"restartCount\":-1,\"state\":{\"terminated\":{}}}]}}"};
	struct arena *a = arena_new();
	struct pod_state s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		pod_judge(tree_of(odd[i], a), "trial", a, &s);
		assert_non_null(s.reason);
	}
	arena_free(a);
}

static void test_primary(void **state)
{
	static const char *const both[] = {"role=master", "index=0", NULL}, *const empty[] = {NULL}, *const other[] = {"role=mas", NULL};
	struct arena *a = arena_new();
	const cJSON *pod = tree_of("{\"metadata\":{\"labels\":{\"role\":\"master\",\"index\":\"0\"}},\"spec\":{\"containers\":[{"
			"\"name\":\"t\"}]}}", a);

	(void)state;
	assert_true(pod_is_primary(pod, both, "t"));
	assert_true(pod_is_primary(pod, empty, "t"));
	assert_true(pod_is_primary(pod, NULL, NULL));
	assert_false(pod_is_primary(pod, both, "u"));
	assert_false(pod_is_primary(pod, other, "t"));
	assert_false(pod_is_primary(tree_of("{}", a), both, NULL));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_running),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_primary),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
