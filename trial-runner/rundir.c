#include "trial-runner/rundir.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/num.h"

enum { FILE_MAX = 8 << 20, NUMBER_MAX = 24 };

const char *rundir_path(struct arena *a, const char *state, const struct run_key *key)
{
	return arena_printf(a, "%s/%s/%" PRId32 "-%" PRId32, state, key->uid, key->number, key->attempt);
}

const char *rundir_checkpoint_path(struct arena *a, const char *state, const struct run_key *key)
{
	return arena_printf(a, "%s/%s/%" PRId32 "-checkpoint", state, key->uid, key->number);
}

bool rundir_parse_name(const char *name, int32_t *number, int32_t *attempt)
{
	const char *dash = strchr(name, '-');
	int64_t n, t;

	if (!dash || !num_parse_i64(name, (size_t)(dash - name), &n) || !num_parse_i64(dash + 1, strlen(dash + 1), &t))
		return false;
	if (n < 1 || n > INT32_MAX || t < 1 || t > INT32_MAX)
		return false;
	*number = (int32_t)n;
	*attempt = (int32_t)t;
	return true;
}

static bool write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

bool rundir_write(int dir, const char *name, const void *data, size_t n, struct err *e)
{
	char temporary[64];
	int fd, failed = 0;

	assert(strlen(name) + sizeof ".new" <= sizeof temporary);
	snprintf(temporary, sizeof temporary, "%s.new", name);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_UNAVAILABLE, "cannot write %s of a trial: %s", name, strerror(errno));
	if (!write_all(fd, data, n))
		failed = errno;
	close(fd);
	if (!failed && renameat(dir, temporary, dir, name) < 0)
		failed = errno;
	if (failed) {
		unlinkat(dir, temporary, 0);
		return err_set(e, ERR_UNAVAILABLE, "cannot write %s of a trial: %s", name, strerror(failed));
	}
	return true;
}

char *rundir_read(int dir, const char *name, struct arena *a, size_t *n)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX) {
		ssize_t got;

		text = arena_alloc(a, (size_t)st.st_size + 1);
		got = read(fd, text, (size_t)st.st_size);
		*n = got < 0 ? 0 : (size_t)got;
		text[*n] = '\0';
		if (got != st.st_size)
			text = NULL;
	}
	close(fd);
	return text;
}

int64_t rundir_read_number(int dir, const char *name)
{
	char text[NUMBER_MAX];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int64_t value;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof text);
	close(fd);
	return n > 0 && num_parse_i64(text, (size_t)n, &value) ? value : -1;
}

bool rundir_exists(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, 0) == 0;
}

bool rundir_append(int dir, const char *name, int64_t *at, const void *data, size_t n)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ssize_t done;

	assert(*at >= 0 && n > 0);
	if (fd < 0)
		return false;
	done = pwrite(fd, data, n, *at);
	close(fd);
	if (done != (ssize_t)n)
		return false;           /* what was written is written again */
	*at += done;
	return true;
}

void rundir_pid_namespace(char out[RUNDIR_NAMESPACE_MAX])
{
	ssize_t n = readlink("/proc/self/ns/pid", out, RUNDIR_NAMESPACE_MAX - 1);

	out[n > 0 ? n : 0] = '\0';
}

/* Two servers may try to bar at once, and supervisors to claim: link() lets one of them win. */
static int make_journal(int dir, int64_t pid)
{
	char temporary[64], ns[RUNDIR_NAMESPACE_MAX], line[128];
	int64_t at = 0;
	int fd, n;

	rundir_pid_namespace(ns);
	snprintf(temporary, sizeof temporary, RUNDIR_JOURNAL ".%d", (int)getpid());
	n = snprintf(line, sizeof line, "{\"event\":\"claimed\",\"pid\":%" PRId64 ",\"namespace\":\"%s\"}\n", pid, ns);
	unlinkat(dir, temporary, 0);
	if (!rundir_append(dir, temporary, &at, line, (size_t)n))
		return -1;
	fd = openat(dir, temporary, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) < 0 || linkat(dir, temporary, dir, RUNDIR_JOURNAL, 0) < 0)) {
		close(fd);
		fd = -1;
	}
	unlinkat(dir, temporary, 0);
	return fd;
}

int rundir_claim(int dir)
{
	return make_journal(dir, getpid());
}

enum rundir_life rundir_life(int dir, bool bar)
{
	int fd = openat(dir, RUNDIR_JOURNAL, O_RDONLY | O_CLOEXEC);
	enum rundir_life life = RUNDIR_ALIVE;

	if (fd < 0 && bar) {
		fd = make_journal(dir, 0);
		if (fd < 0)
			return RUNDIR_ALIVE;    /* somebody came in between: to be looked at again */
		life = RUNDIR_UNCLAIMED;
	} else if (fd < 0) {
		return RUNDIR_UNCLAIMED;
	} else if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
		life = RUNDIR_OVER;
	}
	close(fd);
	return life;
}
