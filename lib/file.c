#include "lib/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/mem.h"
#include "lib/strbuf.h"

/* "cannot read /etc/x: Permission denied", of the kind that errno says. */
static bool fail(struct err *e, const char *verb, const char *path)
{
	int reason = errno;
	enum err_code code = reason == ENOENT || reason == ENOTDIR ? ERR_NOT_FOUND
	                     : reason == EACCES || reason == EPERM ? ERR_FORBIDDEN
	                                                           : ERR_UNAVAILABLE;

	return err_set(e, code, "cannot %s %s: %s", verb, path, strerror(reason));
}

/* All that can be read from fd, up to max bytes and one more; false with errno. */
static bool read_all(int fd, size_t max, struct strbuf *b)
{
	char block[16384];

	while (b->len <= max && !b->failed) {
		ssize_t got = read(fd, block, sizeof block);

		if (got == 0)
			return true;
		if (got > 0)
			strbuf_add(b, block, (size_t)got);
		else if (errno != EINTR)
			return false;
	}
	return true;
}

char *file_read(const char *path, size_t max, struct arena *a, size_t *n, struct err *e)
{
	bool standard_input = strcmp(path, "-") == 0;
	int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	char *contents = NULL;
	struct strbuf b;

	if (fd < 0) {
		fail(e, "read", path);
		return NULL;
	}
	strbuf_init(&b, SIZE_MAX);
	if (!read_all(fd, max, &b)) {
		fail(e, "read", path);
	} else if (b.failed) {
		errno = ENOMEM;
		fail(e, "read", path);
	} else if (b.len > max) {
		err_set(e, ERR_TOO_LARGE, "%s has more than %zu bytes", path, max);
	} else {
		contents = arena_dup(a, b.data, b.len + 1);
		*n = b.len;
	}
	strbuf_free(&b);
	if (!standard_input)
		close(fd);
	return contents;
}

static bool write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno != EINTR)
			return false;
		if (put > 0) {
			p += put;
			n -= (size_t)put;
		}
	}
	return true;
}

bool file_write(const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
	char *beside = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(beside, O_CLOEXEC);
	bool ok = fd >= 0 && write_all(fd, p, n) && fchmod(fd, mode) == 0 && fsync(fd) == 0;

	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	ok = ok && rename(beside, path) == 0;
	if (!ok) {
		fail(e, "write", path);
		if (fd >= 0)
			unlink(beside);
	}
	free(beside);
	return ok;
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static bool make_folder(const char *path, mode_t mode, struct err *e)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return true;
	if (errno == EEXIST && stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return true;
		errno = ENOTDIR;
	}
	return fail(e, "create the folder", path);
}

bool file_mkdirs(const char *path, mode_t mode, struct err *e)
{
	char *part = xstrdup(path);
	bool ok = true;

	for (char *slash = strchr(part + 1, '/'); ok && slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		ok = make_folder(part, mode, e);
		*slash = '/';
	}
	ok = ok && make_folder(path, mode, e);
	free(part);
	return ok;
}

static bool remove_entries(int fd, int depth);

/* One entry of the folder open as fd; links are removed, never followed. */
static bool remove_entry(int fd, const char *name, int depth)
{
	int sub;

	if (unlinkat(fd, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR && errno != EPERM)
		return false;
	sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0 || !remove_entries(sub, depth + 1))
		return false;
	return unlinkat(fd, name, AT_REMOVEDIR) == 0;
}

/* Consumes fd. */
static bool remove_entries(int fd, int depth)
{
	DIR *dir = depth < 100 ? fdopendir(fd) : NULL;
	bool ok = dir != NULL;
	struct dirent *entry;

	if (!dir) {
		if (depth >= 100)
			errno = ELOOP;
		close(fd);
		return false;
	}
	while (ok && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			ok = remove_entry(dirfd(dir), entry->d_name, depth);
	closedir(dir);
	return ok;
}

bool file_remove_tree(const char *path, struct err *e)
{
	return remove_entry(AT_FDCWD, path, 0) || fail(e, "remove", path);
}

const char *file_join(struct arena *a, const char *folder, const char *name)
{
	size_t n = strlen(folder);

	return arena_printf(a, "%s%s%s", folder, n > 0 && folder[n - 1] == '/' ? "" : "/", name);
}
