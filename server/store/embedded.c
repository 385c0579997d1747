#include "server/store/embedded.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libpq-fe.h>
#include <limits.h>
#include <openssl/sha.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/attr.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "server/store/pgbinaries.h"
#include "server/store/pgerr.h"
#include "server/store/process.h"
#include "server/store/sql_files.h"

enum {
	START_TIMEOUT_MS = 120000, /* recovery after a crash may take a while */
	STOP_TIMEOUT_MS = 10000,
	PROBE_MS = 20,
	SOCKET_PATH_MAX = 107,
};

/*
 * dir/lock       held by flock() for as long as the server lives; contains its pid
 * base/data      the cluster; base is dir, or (root only, where dir is closed to the unprivileged
 *                user) a folder of that user's under /var/lib/trimtab
 * base/run       the socket, unless its path would be too long
 * base/log       what PostgreSQL says
 */
struct embedded {
	char dir[PATH_MAX], base[PATH_MAX], data[PATH_MAX + 16], run[PATH_MAX + 16], log[PATH_MAX + 16];
	char conninfo[PATH_MAX + 128];
	struct process_user user;
	struct pgbinaries binaries;
	int lock_fd;
	pid_t pid;
	bool child; /* ours to reap; a cluster that was taken over is not */
};

static bool failed(struct err *e, const char *what, const char *path)
{
	if (errno == ENOSPC)
		return err_set(e, ERR_UNAVAILABLE, "cannot %s %s: the disk is full", what, path);
	return err_set(e, ERR_UNAVAILABLE, "cannot %s %s: %s", what, path, strerror(errno));
}

/* ---- folders ----------------------------------------------------------------------------------- */

static bool make_dirs(const char *path, struct err *e)
{
	char part[PATH_MAX];
	size_t n = strlen(path);
	assert(n < sizeof part);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		/* The parents as other programs make them; ours are closed below. */
		if (mkdir(part, i == n ? 0700 : 0755) != 0 && errno != EEXIST)
			return failed(e, "create the folder", part);
	}
	return true;
}

static bool own_dir(const struct embedded *p, const char *path, struct err *e)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return failed(e, "create the folder", path);
	if (p->user.drop && chown(path, p->user.uid, p->user.gid) != 0)
		return failed(e, "hand over the folder", path);
	return true;
}

static bool default_dir(char out[PATH_MAX], struct err *e)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	if (!home || !*home) {
		const struct passwd *pw = getpwuid(geteuid());
		home = pw ? pw->pw_dir : NULL;
	}
	int n;
	if (data && *data == '/')
		n = snprintf(out, PATH_MAX, "%s/trimtab/postgres", data);
	else if (home && *home)
		n = snprintf(out, PATH_MAX, "%s/.local/share/trimtab/postgres", home);
	else
		return err_set(e, ERR_INVALID,
		    "there is no place for the database: set HOME or XDG_DATA_HOME, or give --database");
	if (n >= PATH_MAX - 64)
		return err_set(e, ERR_INVALID, "the path of the data folder is too long");
	return true;
}

/* Eight characters that stand for a path. */
static void path_hash(char out[9], const char *path)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)path, strlen(path), hash);
	snprintf(out, 9, "%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
}

static bool choose_base(struct embedded *p, struct err *e)
{
	char hash[9];
	snprintf(p->base, sizeof p->base, "%s", p->dir);
	snprintf(p->data, sizeof p->data, "%s/data", p->dir);
	if (!process_user(&p->user, p->data, e))
		return false;
	if (!p->user.drop)
		return true;
	/* The folder itself will be the user's; what is above it decides. */
	char parent[PATH_MAX];
	snprintf(parent, sizeof parent, "%s", p->dir);
	*strrchr(parent, '/') = '\0';
	if (process_can_enter(&p->user, *parent ? parent : "/"))
		return true;
	path_hash(hash, p->dir);
	snprintf(p->base, sizeof p->base, "/var/lib/trimtab/%s", hash);
	LOG_INFO("data folder is closed to the user that runs PostgreSQL", L_STR("instead", p->base));
	return make_dirs(p->base, e);
}

static bool choose_socket(struct embedded *p, struct err *e)
{
	char hash[9];
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	snprintf(p->run, sizeof p->run, "%s/run", p->base);
	if (strlen(p->run) + strlen("/.s.PGSQL.5432.lock") <= SOCKET_PATH_MAX)
		return own_dir(p, p->run, e);
	path_hash(hash, p->base);
	bool usable = runtime && *runtime == '/' && !p->user.drop && strlen(runtime) < 60;
	snprintf(p->run, sizeof p->run, "%s/trimtab-%s", usable ? runtime : "/tmp", hash);
	if (!own_dir(p, p->run, e))
		return false;
	/* In /tmp somebody else may have been first. */
	struct stat st;
	if (lstat(p->run, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != p->user.uid ||
	    (st.st_mode & 077) != 0)
		return err_set(e, ERR_FORBIDDEN, "%s is not a private folder of ours: remove it", p->run);
	return true;
}

static bool take_lock(struct embedded *p, struct err *e)
{
	char path[PATH_MAX + 16], text[32] = "";
	snprintf(path, sizeof path, "%s/lock", p->dir);
	p->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (p->lock_fd < 0)
		return failed(e, "open", path);
	if (flock(p->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		ssize_t n = pread(p->lock_fd, text, sizeof text - 1, 0);
		text[n > 0 ? strcspn(text, "\n") : 0] = '\0';
		return err_set(e, ERR_UNAVAILABLE,
		    "another trimtab server (pid %s) uses the database in %s: stop it, talk to it, or set "
		    "XDG_DATA_HOME",
		    text, p->dir);
	}
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(p->lock_fd, 0) != 0 || pwrite(p->lock_fd, text, (size_t)n, 0) != n)
		return failed(e, "write", path);
	return true;
}

/* ---- the cluster ------------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* The major version in data/PG_VERSION; 0 = there is no cluster; -1 with *e set. */
static int cluster_version(const struct embedded *p, struct err *e)
{
	char path[PATH_MAX + 32], text[16] = "";
	snprintf(path, sizeof path, "%s/PG_VERSION", p->data);
	FILE *f = fopen(path, "re");
	if (!f && errno == ENOENT)
		return 0;
	if (!f) {
		failed(e, "read", path);
		return -1;
	}
	bool ok = fgets(text, sizeof text, f) != NULL;
	fclose(f);
	int major = ok ? (int)strtol(text, NULL, 10) : 0;
	if (major <= 0) {
		err_set(e, ERR_UNAVAILABLE, "%s is damaged: restore the folder, or move it away to begin anew", path);
		return -1;
	}
	return major;
}

static bool check_owner(const struct embedded *p, struct err *e)
{
	struct stat st;
	if (stat(p->data, &st) != 0)
		return failed(e, "look at", p->data);
	if (st.st_uid == p->user.uid)
		return true;
	const struct passwd *pw = getpwuid(st.st_uid);
	return err_set(e, ERR_FORBIDDEN, "the database in %s belongs to user %s: start trimtab as that user",
	    p->data, pw ? pw->pw_name : "(unknown)");
}

/* The line that says what went wrong: the last with FATAL, PANIC or error, else the last. */
static const char *telling_line(char *text)
{
	char *best = NULL, *last = text;
	for (char *line = strtok_r(text, "\n", &text); line; line = strtok_r(NULL, "\n", &text)) {
		last = line;
		if (strstr(line, "FATAL:") || strstr(line, "PANIC:") || strstr(line, "error:"))
			best = line;
	}
	return best ? best : last;
}

/* initdb beside, then renamed: a cluster that is there is whole. */
static bool create_cluster(struct embedded *p, bool no_fsync, struct err *e)
{
	char fresh[PATH_MAX + 16], initdb[PATH_MAX + 16], out[8192] = "";
	snprintf(fresh, sizeof fresh, "%s/new", p->base);
	snprintf(initdb, sizeof initdb, "%s/initdb", p->binaries.dir);
	(void)nftw(fresh, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	if (!own_dir(p, fresh, e))
		return false;
	const char *argv[] = {initdb, "-D", fresh, "-U", "trimtab", "-A", "trust", "-E", "UTF8", "--locale=C",
	    no_fsync ? "--no-sync" : NULL, NULL};
	struct err ignored;
	if (!process_run(&p->user, argv, out, sizeof out, &ignored)) {
		const char *why = strstr(out, "No space left") ? "the disk is full" : telling_line(out);
		err_set(e, ERR_UNAVAILABLE, "cannot create a database in %s: %s", p->base, why);
		(void)nftw(fresh, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
		return false;
	}
	if (rename(fresh, p->data) != 0)
		return failed(e, "rename", fresh);
	LOG_INFO("database created", L_STR("folder", p->data));
	return true;
}

static pid_t start_postmaster(const struct embedded *p, bool no_fsync, struct err *e)
{
	char program[PATH_MAX + 16], sockets[PATH_MAX + 64];
	snprintf(program, sizeof program, "%s/postgres", p->binaries.dir);
	snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", p->run);
	const char *argv[] = {
	    program,
	    "-D",
	    p->data,
	    "-p",
	    "5432",
	    "-c",
	    "listen_addresses=",
	    "-c",
	    sockets,
	    "-c",
	    "unix_socket_permissions=0700",
	    "-c",
	    "cluster_name=trimtab",
	    "-c",
	    "max_connections=40",
	    "-c",
	    "shared_buffers=128MB",
	    "-c",
	    "max_wal_size=2GB",
	    "-c",
	    "checkpoint_timeout=15min",
	    "-c",
	    "wal_compression=on",
	    "-c",
	    "random_page_cost=1.1",
	    "-c",
	    "max_parallel_workers_per_gather=0",
	    "-c",
	    "autovacuum_vacuum_insert_scale_factor=0.05",
	    "-c",
	    "log_line_prefix=%m [%p] ",
	    "-c",
	    "logging_collector=off",
	    "-c",
	    "log_destination=stderr",
	    "-c",
	    no_fsync ? "fsync=off" : "fsync=on",
	    "-c",
	    no_fsync ? "full_page_writes=off" : "full_page_writes=on",
	    NULL,
	};
	return process_start(&p->user, argv, p->log, e);
}

/* The last words in the log. */
static void explain_death(const struct embedded *p, struct err *e)
{
	char text[8192] = "";
	int fd = open(p->log, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		off_t size = lseek(fd, 0, SEEK_END);
		off_t from = size > (off_t)sizeof text - 1 ? size - ((off_t)sizeof text - 1) : 0;
		ssize_t n = pread(fd, text, sizeof text - 1, from);
		text[n > 0 ? n : 0] = '\0';
		close(fd);
	}
	const char *why = strstr(text, "No space left") ? "the disk is full" : telling_line(text);
	err_set(e, ERR_UNAVAILABLE, "PostgreSQL does not start: %s (more in %s)", why, p->log);
}

/* A line of data/postmaster.pid, counted from 1. */
static bool pid_file_line(const struct embedded *p, int wanted, char *out, size_t size)
{
	char path[PATH_MAX + 32];
	snprintf(path, sizeof path, "%s/postmaster.pid", p->data);
	FILE *f = fopen(path, "re");
	bool found = false;
	for (int i = 1; f && i <= wanted; i++)
		found = fgets(out, (int)size, f) != NULL && i == wanted;
	if (f)
		fclose(f);
	if (found)
		out[strcspn(out, "\n")] = '\0';
	return found;
}

static void make_conninfo(struct embedded *p)
{
	snprintf(p->conninfo, sizeof p->conninfo, "host='%s' port=5432 user=trimtab dbname=trimtab", p->run);
}

static PGPing ping(const struct embedded *p)
{
	const char *keys[] = {"host", "port", "user", "dbname", "connect_timeout", NULL};
	const char *values[] = {p->run, "5432", "trimtab", "postgres", "2", NULL};
	return PQpingParams(keys, values, 0);
}

/* A postmaster that outlived its server: same folder, alive, and answering at the socket it names. */
static bool take_over(struct embedded *p)
{
	char pid[32], run[PATH_MAX];
	if (!pid_file_line(p, 1, pid, sizeof pid) || !pid_file_line(p, 5, run, sizeof run))
		return false;
	p->pid = (pid_t)strtol(pid, NULL, 10);
	if (p->pid <= 1 || (kill(p->pid, 0) != 0 && errno != EPERM) || *run == '\0')
		return false;
	char ours[sizeof p->run];
	memcpy(ours, p->run, sizeof ours);
	snprintf(p->run, sizeof p->run, "%s", run);
	/* It may just be stopping or recovering: wait as for one of our own. */
	struct timespec pause = {.tv_nsec = PROBE_MS * 1000000L};
	for (int ms = 0; ms < START_TIMEOUT_MS && kill(p->pid, 0) == 0; ms += PROBE_MS) {
		PGPing state = ping(p);
		if (state == PQPING_OK) {
			LOG_INFO("took over a running database", L_INT("pid", p->pid));
			return true;
		}
		if (state == PQPING_NO_ATTEMPT)
			break;
		if (state == PQPING_NO_RESPONSE && ms > 2000)
			break; /* the pid is another program's now */
		nanosleep(&pause, NULL);
	}
	memcpy(p->run, ours, sizeof ours);
	return false;
}

static bool wait_ready(struct embedded *p, struct err *e)
{
	struct timespec pause = {.tv_nsec = PROBE_MS * 1000000L};
	for (int ms = 0; ms < START_TIMEOUT_MS; ms += PROBE_MS) {
		if (ping(p) == PQPING_OK)
			return true;
		int status;
		if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
			p->pid = 0;
			explain_death(p, e);
			return false;
		}
		nanosleep(&pause, NULL);
	}
	return err_set(e, ERR_TIMEOUT, "PostgreSQL did not become ready within %d s (log: %s)",
	    START_TIMEOUT_MS / 1000, p->log);
}

/* The first time, and when a start was cut off between initdb and here. */
static bool ensure_database(const struct embedded *p, struct err *e)
{
	PGconn *c = PQconnectdb(p->conninfo);
	bool there = PQstatus(c) == CONNECTION_OK;
	PQfinish(c);
	if (there)
		return true;
	const char *keys[] = {"host", "port", "user", "dbname", NULL};
	const char *values[] = {p->run, "5432", "trimtab", "postgres", NULL};
	c = PQconnectdbParams(keys, values, 0);
	bool ok = PQstatus(c) == CONNECTION_OK;
	PGresult *r = ok ? PQexec(c, sql_setup("create_database")) : NULL;
	if (!ok || PQresultStatus(r) != PGRES_COMMAND_OK)
		ok = pg_connection_error(c, ERR_UNAVAILABLE, "cannot create the database", e);
	PQclear(r);
	PQfinish(c);
	return ok;
}

static bool start(struct embedded *p, const struct embedded_config *config, struct err *e)
{
	int major = cluster_version(p, e);
	if (major < 0 || !pgbinaries_find(&p->binaries, config->bindir, major, e))
		return false;
	if (p->user.drop && strcmp(p->base, p->dir) == 0 && !own_dir(p, p->base, e))
		return false;
	if (major == 0 && !create_cluster(p, config->no_fsync, e))
		return false;
	if (!check_owner(p, e) || !choose_socket(p, e))
		return false;
	if (!take_over(p)) {
		p->pid = start_postmaster(p, config->no_fsync, e);
		p->child = true;
		if (p->pid < 0 || !wait_ready(p, e))
			return false;
	}
	make_conninfo(p);
	return ensure_database(p, e);
}

struct embedded *embedded_start(const struct embedded_config *config, struct err *e)
{
	struct embedded *p = xcalloc(1, sizeof *p);
	p->lock_fd = -1;
	bool ok = true;
	if (config->dir)
		snprintf(p->dir, sizeof p->dir - 64, "%s", config->dir);
	else
		ok = default_dir(p->dir, e);
	if (ok && p->dir[0] != '/')
		ok = err_set(e, ERR_INVALID, "the data folder %s is not an absolute path", p->dir);
	ok = ok && make_dirs(p->dir, e) && take_lock(p, e) && choose_base(p, e);
	if (ok) {
		snprintf(p->data, sizeof p->data, "%s/data", p->base);
		snprintf(p->log, sizeof p->log, "%s/log", p->base);
		ok = start(p, config, e);
	}
	if (!ok) {
		embedded_stop(p);
		p = NULL;
	}
	return p;
}

const char *embedded_conninfo(const struct embedded *p)
{
	return p->conninfo;
}

const char *embedded_dir(const struct embedded *p)
{
	return p->dir;
}

int embedded_pid(const struct embedded *p)
{
	return (int)p->pid;
}

/* Also of a process that is not our child. */
static bool wait_gone(const struct embedded *p, int fd, int timeout_ms)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	int rc;
	while ((rc = poll(&poller, 1, timeout_ms)) < 0 && errno == EINTR)
		;
	if (rc > 0 && p->child)
		(void)waitpid(p->pid, NULL, 0);
	return rc > 0;
}

static void stop_postmaster(const struct embedded *p)
{
	int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (fd < 0)
		return;
	kill(p->pid, SIGINT); /* fast: sessions are ended, everything is written */
	if (!wait_gone(p, fd, STOP_TIMEOUT_MS)) {
		LOG_WARN("database did not stop in time", L_INT("pid", p->pid));
		kill(p->pid, SIGQUIT);
		(void)wait_gone(p, fd, STOP_TIMEOUT_MS);
	}
	close(fd);
}

void embedded_stop(struct embedded *p)
{
	if (!p)
		return;
	if (p->pid > 1)
		stop_postmaster(p);
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	free(p);
}
