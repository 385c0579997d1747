/*
 * Logs of runs, kept as files of this server so that they stay when the pods are gone:
 * <state>/<uid of the experiment>/<trial>-<attempt>.log. A run that is taken over writes its log anew,
 * from the first line on, with the same bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "trial-runner/kubernetes/run.h"

static bool uid_good(const char *uid)
{
	const size_t n = strspn(uid, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_");

	return n > 0 && uid[n] == '\0';
}

char *log_file_path(const struct kube *k, const struct run_key *key)
{
	return xasprintf("%s/%s/%d-%d.log", k->state, key->uid, (int)key->number, (int)key->attempt);
}

static void open_output(struct kube_run *r)
{
	struct kube *k = r->kube;
	char *path = log_file_path(k, &r->node.key), *folder = xasprintf("%s/%s", k->state, r->node.key.uid);
	struct err e = {0};
	int fd = -1;

	r->output_tried = true;
	if (uid_good(r->node.key.uid) && file_mkdirs(folder, 0700, &e))
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0) {
		output_init(&r->output, fd, k->log_max);
		r->output_open = true;
	} else {
		LOG_WARN("a trial's log is not kept", L_STR("file", path), L_STR("error", e.code ? e.detail : strerror(errno)));
	}
	free(path);
	free(folder);
}

void log_file_write(struct kube_run *r, const char *text, size_t n)
{
	if (!r->output_tried)
		open_output(r);
	if (!r->output_open)
		return;
	output_write(&r->output, text, n);
	log_read_more(r->kube, &r->node.key);
}

void log_file_end(struct kube_run *r)
{
	if (r->output_open)
		output_end(&r->output);
	r->output_open = false;
	log_read_more(r->kube, &r->node.key);
}

void log_file_purge(struct kube *k, const char *uid)
{
	char *folder = xasprintf("%s/%s", k->state, uid);
	struct err e;

	if (uid_good(uid) && !file_remove_tree(folder, &e) && e.code != ERR_NOT_FOUND)
		LOG_WARN("logs of a purged experiment stay", L_STR("folder", folder), L_STR("error", e.detail));
	free(folder);
}
