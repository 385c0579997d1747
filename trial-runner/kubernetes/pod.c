#include "trial-runner/kubernetes/pod.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"

struct look {
	const cJSON *pod, *spec, *status;
	const cJSON *container;         /* the primary one's status, or NULL */
	const char *primary;            /* its name, or NULL                 */
	struct arena *a;
	struct pod_state *out;
};

/* ---- reading ----------------------------------------------------------------------------------- */

static const char *text(const cJSON *v, const char *key)
{
	const char *s = json_str(json_get(v, key));

	return s && *s ? s : NULL;
}

static int64_t time_at(const cJSON *v, const char *key)
{
	const char *s = text(v, key);
	int64_t us;

	return s && clk_parse_time(s, &us) ? us : 0;
}

static bool is(const char *s, const char *word)
{
	return s && strcmp(s, word) == 0;
}

static const cJSON *named(const cJSON *list, const char *name)
{
	json_each (item, json_is_array(list) ? list : NULL) {
		if (is(text(item, "name"), name))
			return item;
	}
	return NULL;
}

static const cJSON *condition(const struct look *l, const char *type, const char *status)
{
	json_each (c, json_get(l->status, "conditions")) {
		if (is(text(c, "type"), type) && is(text(c, "status"), status))
			return c;
	}
	return NULL;
}

static const cJSON *state(const cJSON *container, const char *which)
{
	const cJSON *v = json_get(json_get(container, "state"), which);

	return json_is_object(v) ? v : NULL;
}

/* ---- why it waits ------------------------------------------------------------------------------ */

/* What the kubelet says of a container that does not start; the advice follows its own words. */
static const struct hindrance {
	const char *reason;
	const char *what;               /* with the image's name  */
	const char *advice;
} hindrances[] = {
	{"ErrImagePull", "its image %s cannot be pulled",
		"check its name, and that the cluster may read its registry (imagePullSecrets)"},
	{"ImagePullBackOff", "its image %s cannot be pulled",
		"check its name, and that the cluster may read its registry (imagePullSecrets)"},
	{"InvalidImageName", "%s is not the name of an image", "correct it in the document"},
	{"ErrImageNeverPull", "its image %s is not on the node, and may not be pulled",
		"load it there, or let imagePullPolicy pull it"},
	{"ImageInspectError", "its image %s cannot be used", "build it again for the node's architecture"},
	{"RegistryUnavailable", "the registry of its image %s does not answer", "it is tried again"},
	{"CreateContainerConfigError", "its container of image %s cannot be configured",
		"check the Secrets, the ConfigMaps and the user that it names"},
	{"CreateContainerError", "its container of image %s cannot be made", "check its command and its mounts"},
	{"RunContainerError", "its container of image %s cannot be started", "check its command and its mounts"},
	{"CrashLoopBackOff", "its program, of image %s, ends again and again", "see its log"},
};

static const struct hindrance *find_hindrance(const char *reason)
{
	for (size_t i = 0; reason && i < ARRAY_LEN(hindrances); i++) {
		if (strcmp(reason, hindrances[i].reason) == 0)
			return &hindrances[i];
	}
	return NULL;
}

static const char *image_of(const struct look *l, const char *container)
{
	static const char *const lists[] = {"containers", "initContainers"};
	const char *image = NULL;

	for (size_t i = 0; container && !image && i < ARRAY_LEN(lists); i++)
		image = text(named(json_get(l->spec, lists[i]), container), "image");
	return image ? image : "(unknown)";
}

/* What others said, without the full stop. */
static const char *said(const struct look *l, const char *message, const char *otherwise)
{
	size_t n = message ? strlen(message) : 0;

	while (n > 0 && strchr(". \n", message[n - 1]))
		n--;
	return n > 0 ? arena_strndup(l->a, message, n) : otherwise;
}

/* "its image x:1 cannot be pulled: not found; check …" */
static const char *hindrance_sentence(
	const struct look *l, const struct hindrance *h, const char *container, const char *message)
{
	const char *at = strstr(h->what, "%s"), *why = said(l, message, "");

	return arena_printf(l->a, "%.*s%s%s%s%s; %s", (int)(at - h->what), h->what, image_of(l, container), at + 2,
		*why ? ": " : "", why, h->advice);
}

static void wait_for_node(struct look *l, const cJSON *scheduled)
{
	const char *reason = text(scheduled, "reason");

	l->out->reason = reason ? reason : "Unschedulable";
	l->out->waiting_us = time_at(scheduled, "lastTransitionTime");
	if (is(reason, "SchedulingGated")) {
		l->out->message = "its pod is held back until its scheduling gates are removed";
		return;
	}
	l->out->stuck = true;
	l->out->message = arena_printf(l->a,
		"no node can take its pod: %s; ask for less in resources, check nodeSelector and tolerations, or wait for room",
		said(l, text(scheduled, "message"), "the scheduler does not say why"));
}

/* A container of the pod that does not start: the primary one, or one that must come before it. */
static const cJSON *hindered(const struct look *l)
{
	json_each (c, json_get(l->status, "initContainerStatuses")) {
		if (find_hindrance(text(state(c, "waiting"), "reason")))
			return c;
	}
	return l->container;
}

static void wait_for_container(struct look *l)
{
	const cJSON *container = hindered(l), *waiting = state(container, "waiting");
	const char *reason = text(waiting, "reason");
	const struct hindrance *h = find_hindrance(reason);

	l->out->reason = reason ? reason : "ContainerCreating";
	l->out->waiting_us = time_at(condition(l, "PodScheduled", "True"), "lastTransitionTime");
	l->out->stuck = h != NULL;
	if (h)
		l->out->message = hindrance_sentence(l, h, text(container, "name"), text(waiting, "message"));
	else if (is(l->out->reason, "PodInitializing"))
		l->out->message = "its pod's init containers run";
	else if (is(l->out->reason, "ContainerCreating"))
		l->out->message = "its image is fetched and its volumes are mounted";
	else
		l->out->message = text(waiting, "message");
}

static void judge_waiting(struct look *l)
{
	const cJSON *scheduled = condition(l, "PodScheduled", "False");

	l->out->phase = POD_WAITING;
	if (scheduled) {
		wait_for_node(l, scheduled);
	} else if (!l->out->node && !l->container) {
		l->out->reason = "Pending";
		l->out->message = "the scheduler has not looked at its pod yet";
	} else {
		wait_for_container(l);
	}
	if (l->out->waiting_us == 0)
		l->out->waiting_us = time_at(json_get(l->pod, "metadata"), "creationTimestamp");
}

/* ---- how it ended ------------------------------------------------------------------------------ */

/* What the kubelet, or the control plane, took away for its own reasons; the start of status.reason. */
static const char *const taken_away[] = {"Evicted", "Preempting", "NodeLost", "NodeShutdown", "Shutdown", "Terminated",
	"NodeAffinity", "OutOf", "UnexpectedAdmissionError", "NodeNotReady"};

/* Evicted for what it did itself: another attempt would end the same way. */
static bool own_fault(const char *message)
{
	return message && (strstr(message, "exceeds the") || strstr(message, "exceeded"));
}

static bool is_taken_away(const struct look *l)
{
	const char *reason = text(l->status, "reason");
	const bool succeeded = is(text(l->status, "phase"), "Succeeded") && !l->out->deleting;

	if (succeeded || own_fault(text(l->status, "message")))
		return false;
	for (size_t i = 0; reason && i < ARRAY_LEN(taken_away); i++) {
		if (strncmp(reason, taken_away[i], strlen(taken_away[i])) == 0)
			return true;
	}
	return condition(l, "DisruptionTarget", "True") != NULL ||
		is(text(state(l->container, "terminated"), "reason"), "ContainerStatusUnknown");
}

static void end_lost(struct look *l)
{
	const cJSON *disruption = condition(l, "DisruptionTarget", "True");
	const char *reason = text(l->status, "reason"), *message = text(l->status, "message");

	if (!reason)
		reason = text(disruption, "reason");
	if (!message)
		message = text(disruption, "message");
	l->out->end = POD_END_LOST;
	l->out->reason = reason ? reason : "NodeLost";
	l->out->message = arena_printf(l->a, "the node%s%s gave its pod up: %s", l->out->node ? " " : "",
		l->out->node ? l->out->node : "", said(l, message, "nothing more is known"));
}

static void end_by_signal(struct look *l)
{
	if (l->out->oom) {
		l->out->reason = "OOMKilled";
		l->out->message = "was killed because it used more memory than its limit: raise resources.memory, or use less";
		return;
	}
	l->out->reason = "Killed";
	l->out->message = arena_printf(l->a, "was killed by signal %d (%s)", l->out->signal, strsignal(l->out->signal));
}

/* It never began: the runtime's own words are all there is. */
static bool end_unstarted(struct look *l, const cJSON *terminated)
{
	const char *reason = text(terminated, "reason");

	if (!is(reason, "StartError") && !is(reason, "ContainerCannotRun"))
		return false;
	l->out->reason = "StartError";
	l->out->signal = 0;
	l->out->message = arena_printf(l->a, "could not be started: %s; check its command and its image",
		said(l, text(terminated, "message"), "the runtime does not say why"));
	return true;
}

static void end_by_exit(struct look *l, const cJSON *terminated)
{
	int64_t code;
	const char *reason = text(terminated, "reason");

	if (!json_int(json_get(terminated, "exitCode"), &code))
		code = -1;
	l->out->exit_code = (int)code;
	l->out->oom = is(reason, "OOMKilled");
	if (code > 128 && code < 128 + 32) {
		l->out->signal = (int)code - 128;
		l->out->exit_code = -1;
	}
	if (end_unstarted(l, terminated))
		return;
	if (l->out->signal != 0 || l->out->oom) {
		end_by_signal(l);
		return;
	}
	l->out->reason = code == 0 ? "Completed" : "Error";
	l->out->message = arena_printf(l->a, "ended with exit code %d%s", (int)code,
		code == 127 ? ": a command was not found in its image" : "");
}

/* The pod failed before its primary container ran. */
static void end_without_container(struct look *l)
{
	const char *reason = text(l->status, "reason"), *message = text(l->status, "message");

	l->out->exit_code = -1;
	l->out->reason = reason ? reason : "Failed";
	l->out->message = message ? arena_printf(l->a, "its pod failed: %s", said(l, message, reason ? reason : ""))
							  : "its pod failed before its container ran";
	json_each (c, json_get(l->status, "initContainerStatuses")) {
		const cJSON *terminated = state(c, "terminated");
		int64_t code;

		if (!json_int(json_get(terminated, "exitCode"), &code) || code == 0)
			continue;
		l->out->reason = "InitContainerFailed";
		l->out->message = arena_printf(l->a, "its init container %s ended with exit code %d",
			text(c, "name") ? text(c, "name") : "", (int)code);
	}
}

static void judge_ended(struct look *l, const cJSON *terminated)
{
	l->out->phase = POD_ENDED;
	l->out->exit_code = -1;
	l->out->started_us = time_at(terminated, "startedAt");
	l->out->ended_us = time_at(terminated, "finishedAt");
	if (terminated)
		end_by_exit(l, terminated);
	else
		end_without_container(l);
	if (is(text(l->status, "reason"), "DeadlineExceeded")) {
		l->out->end = POD_END_DEADLINE;
		l->out->reason = "DeadlineExceeded";
		l->out->message = "ran longer than its timeout";
	} else if (is_taken_away(l)) {
		end_lost(l);
	} else if (is(text(l->status, "reason"), "Evicted")) {
		l->out->reason = "Evicted";
		l->out->message = arena_printf(l->a, "its pod was evicted: %s", said(l, text(l->status, "message"), "without a word"));
	}
}

/* ---- both -------------------------------------------------------------------------------------- */

/* Will the kubelet start it again in this pod? */
static bool comes_back(const struct look *l, const cJSON *terminated)
{
	const char *policy = text(l->spec, "restartPolicy"), *phase = text(l->status, "phase");
	int64_t code;

	if (!terminated || !l->out->may_restart || l->out->deleting || is(phase, "Failed") || is(phase, "Succeeded"))
		return false;
	return is(policy, "Always") || !json_int(json_get(terminated, "exitCode"), &code) || code != 0;
}

static void wait_for_restart(struct look *l, const cJSON *terminated)
{
	l->out->phase = POD_WAITING;
	l->out->reason = "Restarting";
	l->out->waiting_us = time_at(terminated, "finishedAt");
	l->out->message = "ended, and is started again in the same pod";
}

static void judge(struct look *l)
{
	const cJSON *terminated = state(l->container, "terminated"), *running = state(l->container, "running");
	const char *phase = text(l->status, "phase");

	if (comes_back(l, terminated)) {
		wait_for_restart(l, terminated);
	} else if (terminated || is(phase, "Failed") || is(phase, "Succeeded")) {
		judge_ended(l, terminated);
	} else if (running) {
		l->out->phase = POD_RUNNING;
		l->out->started_us = time_at(running, "startedAt");
	} else {
		judge_waiting(l);
	}
}

void pod_judge(const cJSON *pod, const char *primary, struct arena *a, struct pod_state *out)
{
	const cJSON *metadata = json_get(pod, "metadata");
	struct look l = {.pod = pod, .spec = json_get(pod, "spec"), .status = json_get(pod, "status"), .a = a, .out = out};
	const cJSON *containers = json_get(l.spec, "containers");
	int64_t restarts = 0;

	l.primary = primary ? primary : text(json_is_array(containers) ? containers->child : NULL, "name");
	if (l.primary)
		l.container = named(json_get(l.status, "containerStatuses"), l.primary);
	*out = (struct pod_state){.name = text(metadata, "name"), .uid = text(metadata, "uid"),
		.node = text(l.spec, "nodeName"),
		.deleting = text(metadata, "deletionTimestamp") != NULL,
		.may_restart = !is(text(l.spec, "restartPolicy"), "Never")};
	if (json_int(json_get(l.container, "restartCount"), &restarts) && restarts >= 0 && restarts <= INT32_MAX)
		out->restarts = (int32_t)restarts;
	judge(&l);
}

/* ---- whose log is it? -------------------------------------------------------------------------- */

static bool has_label(const cJSON *labels, const char *wanted)
{
	const size_t n = strcspn(wanted, "=");

	json_each (label, json_is_object(labels) ? labels : NULL) {
		if (strncmp(label->string, wanted, n) == 0 && label->string[n] == '\0')
			return wanted[n] == '=' && is(json_str(label), wanted + n + 1);
	}
	return false;
}

bool pod_is_primary(const cJSON *pod, const char *const *labels, const char *primary)
{
	const cJSON *have = json_get(json_get(pod, "metadata"), "labels");

	for (; labels && *labels; labels++) {
		if (!has_label(have, *labels))
			return false;
	}
	return !primary || named(json_get(json_get(pod, "spec"), "containers"), primary);
}
