#include "trial-runner/file_tail.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mem.h"

enum { CHUNK = 64 * 1024, CHUNKS_A_TIME = 16 };

struct file_tail {
	char *folder, *path;
	struct metric_collector *collector;
	int notify, folder_watch, fd;
	int64_t offset;
	struct stat identity;           /* of the open file */
};

struct file_tail *file_tail_new(const char *path, struct metric_collector *c)
{
	struct file_tail *t = xcalloc(1, sizeof *t);
	const char *slash = strrchr(path, '/');

	assert(*path == '/');

	t->path = xstrdup(path);
	t->folder = slash > path ? xstrndup(path, (size_t)(slash - path)) : xstrdup("/");
	t->collector = c;
	t->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	t->folder_watch = t->fd = -1;
	return t;
}

void file_tail_free(struct file_tail *t)
{
	if (!t)
		return;
	if (t->notify >= 0)
		close(t->notify);
	if (t->fd >= 0)
		close(t->fd);
	free(t->folder);
	free(t->path);
	free(t);
}

int file_tail_fd(const struct file_tail *t)
{
	return t->notify;
}

bool file_tail_watching(const struct file_tail *t)
{
	return t->folder_watch >= 0;
}

/* Every read looks at the file itself, so what the events say does not matter. */
static void drain_events(struct file_tail *t)
{
	char events[4096] __attribute__((aligned(8)));

	while (t->notify >= 0 && read(t->notify, events, sizeof events) > 0)
		;
}

static void watch_folder(struct file_tail *t)
{
	if (t->notify >= 0 && t->folder_watch < 0)
		t->folder_watch = inotify_add_watch(t->notify, t->folder, IN_CREATE | IN_MOVED_TO);
}

static void begin_again(struct file_tail *t, int64_t wall_us)
{
	collector_end(t->collector, wall_us);
	t->offset = 0;
}

static bool read_open_file(struct file_tail *t, int64_t wall_us)
{
	char *chunk = xmalloc(CHUNK);
	ssize_t n = 0;
	int left = CHUNKS_A_TIME;

	while (left-- > 0 && (n = pread(t->fd, chunk, CHUNK, t->offset)) > 0) {
		collector_feed(t->collector, chunk, (size_t)n, wall_us);
		t->offset += n;
	}
	free(chunk);
	return n > 0;
}

/* The file of that name now is another one (or the first): ends the old, opens the new. */
static void reopen(struct file_tail *t, int64_t wall_us)
{
	if (t->fd >= 0) {
		while (read_open_file(t, wall_us))
			;
		close(t->fd);
		begin_again(t, wall_us);
	}
	t->fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (t->fd < 0)
		return;
	if (fstat(t->fd, &t->identity) < 0 || !S_ISREG(t->identity.st_mode)) {
		close(t->fd);
		t->fd = -1;
		return;
	}
	if (t->notify >= 0)
		inotify_add_watch(t->notify, t->path, IN_MODIFY);
}

bool file_tail_read(struct file_tail *t, int64_t wall_us)
{
	struct stat st;

	drain_events(t);
	watch_folder(t);
	if (stat(t->path, &st) == 0) {
		if (t->fd < 0 || st.st_ino != t->identity.st_ino || st.st_dev != t->identity.st_dev)
			reopen(t, wall_us);
		else if (st.st_size < t->offset)
			begin_again(t, wall_us);
	}
	return t->fd >= 0 && read_open_file(t, wall_us);
}
