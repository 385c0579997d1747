#include "server/store/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/file.h"
#include "lib/hash.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "server/store/embedded_exec.h"
#include "server/store/embedded_find.h"

enum {
	START_S = 60, /* crash recovery can take a while         */
	STOP_FAST_S = 10,
	LOOK_EVERY_US = 10000, /* at a state that nothing tells us about  */
	SOCKET_PATH_MAX = 107,
};

struct embedded {
	struct arena *arena;
	struct embedded_user user;
	const char *dir, *bindir, *socket_dir, *log, *conninfo;
	int lock_fd;
	pid_t pid;
	bool no_fsync;
};

/* ---- where ------------------------------------------------------------------------------------- */

/* Root's own folders are closed to the user that PostgreSQL must run as. */
static const char *default_dir(struct embedded *p)
{
	if (p->user.change && !getenv("XDG_DATA_HOME"))
		return "/var/lib/trimtab/postgres";
	return file_join(p->arena, file_home(FILE_HOME_DATA, p->arena), "postgres");
}

static const char *absolute(struct embedded *p, const char *dir)
{
	char *here = dir[0] == '/' ? NULL : getcwd(NULL, 0);
	const char *path = here ? file_join(p->arena, here, dir) : arena_strdup(p->arena, dir);

	free(here);
	return path;
}

/* In the data folder itself, unless its name is too long for a socket's. */
static const char *choose_socket_dir(struct embedded *p)
{
	char hex[HASH_HEX_MAX];

	if (strlen(p->dir) + strlen("/.s.PGSQL.5432.lock") <= SOCKET_PATH_MAX)
		return p->dir;
	hash_sha256_hex(p->dir, strlen(p->dir), hex);
	hex[16] = 0;
	return arena_printf(p->arena, "/tmp/trimtab-%s", hex);
}

static bool own_folder(struct embedded *p, const char *dir, struct err *e)
{
	struct stat st;

	if (stat(dir, &st) != 0 && mkdir(dir, 0700) != 0)
		return err_set(e, ERR_UNAVAILABLE, "%s cannot be made: %s", dir, strerror(errno));
	if (stat(dir, &st) != 0)
		return err_set(e, ERR_UNAVAILABLE, "%s: %s", dir, strerror(errno));
	const uid_t owner = p->user.change ? p->user.uid : geteuid();
	if (st.st_uid == owner)
		return true;
	if (!p->user.change || st.st_uid != 0)
		return err_set(e, ERR_FORBIDDEN,
			"%s belongs to another user; choose another --data-dir, or run as its owner", dir);
	if (chown(dir, p->user.uid, p->user.gid) != 0)
		return err_set(
			e, ERR_FORBIDDEN, "%s cannot be given to user '%s': %s", dir, p->user.name, strerror(errno));
	return true;
}

static bool make_folders(struct embedded *p, struct err *e)
{
	char *parent = arena_strdup(p->arena, p->dir);
	char *slash = strrchr(parent, '/');

	if (slash && slash != parent) {
		*slash = 0;
		if (!file_mkdirs(parent, 0755, e))
			return false;
	}
	if (!own_folder(p, p->dir, e) || (p->socket_dir != p->dir && !own_folder(p, p->socket_dir, e)))
		return false;
	if (!embedded_may_enter(p->dir, &p->user))
		return err_set(e, ERR_FORBIDDEN,
			"user '%s', as whom PostgreSQL must run when started by root, cannot enter "
			"%s; open the folders above it (chmod o+x) or choose another --data-dir",
			p->user.name, p->dir);
	return true;
}

/* ---- one server at a time ---------------------------------------------------------------------- */

static bool take_lock(struct embedded *p, struct err *e)
{
	const char *path = arena_printf(p->arena, "%s.lock", p->dir);
	char holder[32] = "";

	p->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (p->lock_fd < 0)
		return err_set(e, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
	if (flock(p->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		const ssize_t n = pread(p->lock_fd, holder, sizeof holder - 1, 0);
		holder[n > 0 ? strcspn(holder, "\n") : 0] = 0;
		return err_set(e, ERR_CONFLICT,
			"another trimtab server (process %s) uses the database in %s; use that server, "
			"or start this one with another --data-dir",
			holder[0] ? holder : "unknown", p->dir);
	}
	const int n = snprintf(holder, sizeof holder, "%d\n", (int)getpid());
	if (ftruncate(p->lock_fd, 0) != 0 || pwrite(p->lock_fd, holder, (size_t)n, 0) != n)
		return err_set(e, ERR_UNAVAILABLE, "%s cannot be written: %s", path, strerror(errno));
	return true;
}

/* ---- the postmaster ---------------------------------------------------------------------------- */

/* PostgreSQL works in its data folder; whoever else got the number of a dead one does not. */
static bool works_in(pid_t pid, const char *dir)
{
	char link[64];
	char *cwd, *real;
	bool same;

	snprintf(link, sizeof link, "/proc/%d/cwd", (int)pid);
	cwd = realpath(link, NULL);
	real = realpath(dir, NULL);
	same = cwd && real && strcmp(cwd, real) == 0;
	free(cwd);
	free(real);
	return same;
}

static pid_t running_postmaster(const struct embedded *p)
{
	char path[4200], line[32] = "";
	FILE *f;

	snprintf(path, sizeof path, "%s/postmaster.pid", p->dir);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (!fgets(line, sizeof line, f))
		line[0] = 0;
	fclose(f);
	const pid_t pid = (pid_t)strtol(line, NULL, 10);
	return pid > 1 && kill(pid, 0) == 0 && works_in(pid, p->dir) ? pid : 0;
}

static void pause_a_moment(void)
{
	const struct timespec moment = {.tv_nsec = LOOK_EVERY_US * 1000L};

	nanosleep(&moment, NULL);
}

/* A child that has ended is waited for, so that it does not stay as a zombie that answers kill(). */
static bool gone(const struct embedded *p, pid_t pid)
{
	waitpid(pid, NULL, WNOHANG);
	return kill(pid, 0) != 0 || (p->pid != pid && running_postmaster(p) != pid);
}

static bool wait_gone(const struct embedded *p, pid_t pid, int seconds)
{
	const int64_t deadline = clk_now_us() + seconds * CLK_SECOND;

	while (!gone(p, pid)) {
		if (clk_now_us() >= deadline)
			return false;
		pause_a_moment();
	}
	return true;
}

/* A server that was killed leaves a PostgreSQL that shuts down by itself (it gets SIGINT with its
 * parent's death). Two cannot have the data, so we wait for that. */
static bool end_leftover(struct embedded *p, struct err *e)
{
	const pid_t pid = running_postmaster(p);

	if (!pid)
		return true;
	LOG_INFO("waiting for the PostgreSQL of a server that was killed", L_INT("pid", pid));
	kill(pid, SIGINT);
	if (wait_gone(p, pid, START_S))
		return true;
	return err_set(e, ERR_UNAVAILABLE,
		"PostgreSQL (process %d) still uses %s and does not end; stop it first", (int)pid, p->dir);
}

/* Beside its place, then moved there: a half-made cluster never looks like a whole one. */
static bool make_cluster(struct embedded *p, struct err *e)
{
	const char *fresh = arena_printf(p->arena, "%s.new", p->dir);
	const char *argv[] = {file_join(p->arena, p->bindir, "initdb"), "-D", fresh, "-U", "trimtab", "-E",
		"UTF8", "--locale=C", "--auth-local=trust", "--auth-host=reject", p->no_fsync ? "--no-sync" : NULL,
		NULL};

	LOG_INFO("making a private PostgreSQL cluster", L_STR("folder", p->dir));
	if (!file_remove_tree(fresh, e) || !own_folder(p, fresh, e) ||
		!embedded_run(argv, &p->user, "initdb failed", e))
		return false;
	if (rename(fresh, p->dir) != 0)
		return err_set(e, ERR_CONFLICT,
			"%s is not empty and holds no PostgreSQL cluster (%s); choose another "
			"--data-dir",
			p->dir, strerror(errno));
	return true;
}

/* Small and safe: what a laptop can spare, nothing that could lose a commit. */
static bool spawn_postmaster(struct embedded *p, struct err *e)
{
	const char *argv[] = {file_join(p->arena, p->bindir, "postgres"), "-D", p->dir, "-k", p->socket_dir, "-c",
		"listen_addresses=", "-c", "unix_socket_permissions=0700", "-c", "max_connections=40", "-c",
		"shared_buffers=128MB", "-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c",
		"wal_compression=on", "-c", "max_wal_size=2GB", "-c", "checkpoint_timeout=15min", "-c", "jit=off",
		"-c", "cluster_name=trimtab", "-c", p->no_fsync ? "fsync=off" : "fsync=on", NULL};

	p->pid = embedded_spawn(argv, &p->user, p->log, e);
	return p->pid > 0;
}

static bool died(struct embedded *p, struct err *e)
{
	char *text = NULL;
	size_t n;
	struct err ignored;

	if (waitpid(p->pid, NULL, WNOHANG) != p->pid)
		return false;
	p->pid = 0;
	text = file_read(p->log, 64 << 20, p->arena, &n, &ignored);
	err_set(e, ERR_UNAVAILABLE, "the private PostgreSQL ended: %.240s (its log: %s)",
		text ? embedded_last_line(text) : "no log", p->log);
	return true;
}

static bool wait_ready(struct embedded *p, const char *conninfo, struct err *e)
{
	const int64_t deadline = clk_now_us() + START_S * CLK_SECOND;

	while (PQping(conninfo) != PQPING_OK) {
		if (died(p, e))
			return false;
		if (clk_now_us() >= deadline)
			return err_set(e, ERR_UNAVAILABLE, "the private PostgreSQL was not ready within %d s; see %s",
				START_S, p->log);
		pause_a_moment();
	}
	return true;
}

/* The cluster's own database exists at once; ours is made by the first start that finds it missing. */
static bool make_database(struct embedded *p, struct err *e)
{
	const char *argv[] = {file_join(p->arena, p->bindir, "createdb"), "-h", p->socket_dir, "-U", "trimtab",
		"-T", "template0", "trimtab", NULL};
	PGconn *c = PQconnectdb(p->conninfo);
	const bool there = PQstatus(c) == CONNECTION_OK;

	PQfinish(c);
	return there || embedded_run(argv, &p->user, "the database could not be made", e);
}

/* ---- life -------------------------------------------------------------------------------------- */

static bool start(struct embedded *p, const struct embedded_config *config, struct err *e)
{
	p->user = embedded_user_find();
	p->no_fsync = config->no_fsync;
	p->dir = absolute(p, config->dir ? config->dir : default_dir(p));
	p->socket_dir = choose_socket_dir(p);
	p->log = arena_printf(p->arena, "%s.log", p->dir);
	p->conninfo = arena_printf(p->arena, "host='%s' port=5432 user=trimtab dbname=trimtab", p->socket_dir);
	const char *admin =
		arena_printf(p->arena, "host='%s' port=5432 user=trimtab dbname=postgres", p->socket_dir);
	const int major = embedded_data_version(p->dir);

	if (!make_folders(p, e) || !take_lock(p, e))
		return false;
	p->bindir = embedded_find(config->bindir, major, p->dir, p->arena, e);
	if (!p->bindir || !end_leftover(p, e))
		return false;
	if (major == 0 && !make_cluster(p, e))
		return false;
	return spawn_postmaster(p, e) && wait_ready(p, admin, e) && make_database(p, e);
}

struct embedded *embedded_start(const struct embedded_config *config, struct err *e)
{
	struct embedded *p = xcalloc(1, sizeof *p);

	p->arena = arena_new();
	p->lock_fd = -1;
	if (start(p, config, e))
		return p;
	embedded_stop(p);
	return NULL;
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

/* What is left of the dead one may hold its memory for a moment: then this start fails too, and the
 * next call tries again. */
bool embedded_revive(struct embedded *p)
{
	struct err e = {0};

	if (p->pid > 0 && !died(p, &e))
		return false;
	LOG_ERROR("the private PostgreSQL ended by itself and is started again", L_STR("reason", e.detail));
	if (!spawn_postmaster(p, &e)) {
		LOG_ERROR("the private PostgreSQL cannot be started", L_STR("reason", e.detail));
		p->pid = 0;
	}
	return true;
}

void embedded_stop(struct embedded *p)
{
	if (!p)
		return;
	if (p->pid > 0) {
		kill(p->pid, SIGINT);
		if (!wait_gone(p, p->pid, STOP_FAST_S)) {
			kill(p->pid, SIGQUIT);
			wait_gone(p, p->pid, STOP_FAST_S);
		}
	}
	if (p->socket_dir && p->socket_dir != p->dir)
		rmdir(p->socket_dir);
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	arena_free(p->arena);
	free(p);
}
