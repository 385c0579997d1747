#include "trial-runner/local.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/failpoint.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/local_run.h"

#define TRASH ".trash"

static const int64_t log_max_default = 64 << 20;

static struct local *local_of(struct run_backend *b)
{
	return (struct local *)b;
}

static struct local_run *find(struct local *l, const struct run_key *key)
{
	return (struct local_run *)run_table_get(&l->runs, key);
}

/* --- starting --------------------------------------------------------------------------------------- */

/* The uid becomes the name of a folder. */
static bool uid_good(const char *uid)
{
	size_t n = strspn(uid, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_");

	return n > 0 && uid[n] == '\0';
}

static bool make_folder(const char *path, struct err *e)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	return err_set(e, ERR_UNAVAILABLE, "cannot make the folder %s: %s", path, strerror(errno));
}

/* The rungs of one configuration are trials of their own, but have one folder. */
static const char *checkpoint_path(struct local *l, struct arena *a, const struct run_order *o)
{
	struct run_key key = o->key;

	if (o->line)
		key.number = o->line;
	return rundir_checkpoint_path(a, l->state, &key);
}

static bool make_folders(struct local *l, struct arena *a, const struct run_order *o, const char *folder,
	struct err *e)
{
	return make_folder(arena_printf(a, "%s/%s", l->state, o->key.uid), e) &&
		make_folder(checkpoint_path(l, a, o), e) && make_folder(folder, e) &&
		(o->cwd || make_folder(arena_printf(a, "%s/%s", folder, RUNDIR_WORK), e));
}

static bool write_sheet(struct local *l, struct arena *a, const struct run_order *o, const char *folder,
	const char *gpus, struct err *e)
{
	struct run_sheet sheet = {.order = *o, .gpus = gpus, .log_max = l->log_max};
	struct run_key parent = o->key;
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok;

	if (dir < 0)
		return err_set(e, ERR_UNAVAILABLE, "cannot open the folder %s: %s", folder, strerror(errno));
	if (!sheet.order.cwd)
		sheet.order.cwd = arena_printf(a, "%s/%s", folder, RUNDIR_WORK);
	parent.number = o->parent;
	sheet.order.env = local_env(a, o, folder, checkpoint_path(l, a, o),
		o->parent ? rundir_checkpoint_path(a, l->state, &parent) : NULL, gpus);
	ok = rundir_write_sheet(dir, &sheet, e);
	close(dir);
	return ok;
}

static void launch(struct local *l, struct local_run *r)
{
	struct launch *call = xmalloc(sizeof *call);

	call->key = r->node.key;
	STAILQ_INSERT_TAIL(&l->launches, call, link);
	assert(!r->launching && r->pidfd < 0);
	r->launching = true;
	launcher_run(l->launcher, r->folder);
}

static void on_launched(void *ctx, int pidfd, const char *failure)
{
	struct local *l = ctx;
	struct launch *call = STAILQ_FIRST(&l->launches);
	struct local_run *r = find(l, &call->key);

	STAILQ_REMOVE_HEAD(&l->launches, link);
	free(call);
	if (!r || !r->launching) {
		if (pidfd >= 0)
			close(pidfd);
		return;
	}
	r->launching = false;
	if (failure)
		r->launch_failure = xstrdup(failure);
	local_run_set_pidfd(r, pidfd);
	local_run_want_look(r);
}

static bool exists(struct arena *a, const char *folder, const char *name)
{
	return access(arena_printf(a, "%s/%s", folder, name), F_OK) == 0;
}

static bool check_order(struct local *l, const struct run_order *o, struct err *e)
{
	if (!uid_good(o->key.uid) || !o->argv || !o->argv[0])
		return err_set(e, ERR_INVALID, "a local trial needs a command");
	switch (slots_fit(&l->slots, &o->resources)) {
	case RUN_FITS:
		return true;
	case RUN_WAIT:
		return err_set(e, ERR_SLOW_DOWN, "no slot, core or GPU is free");
	case RUN_NEVER:
		break;
	}
	return err_set(e, ERR_INVALID, "the trial asks for more cores or GPUs than the server was given (%g and %d)",
		l->slots.cap.cpus, (int)l->slots.cap.gpus);
}

static bool start_fresh(struct local *l, struct arena *a, const struct run_order *o, const char *folder, struct err *e)
{
	struct local_run *r;
	char *gpus;

	if (!check_order(l, o, e) || !make_folders(l, a, o, folder, e))
		return false;
	gpus = slots_take(&l->slots, &o->resources);
	if (!write_sheet(l, a, o, folder, gpus, e)) {
		slots_return(&l->slots, &o->resources, gpus);
		free(gpus);
		return false;
	}
	FAILPOINT("local-sheet-written");
	r = local_run_new(l, &o->key, folder, &o->resources, gpus);
	r->grace_us = o->grace_us;
	launch(l, r);
	FAILPOINT("local-launched");
	return true;
}

static bool local_start(struct run_backend *b, const struct run_order *o, struct err *e)
{
	struct local *l = local_of(b);
	struct arena *a = arena_new();
	const char *folder = rundir_path(a, l->state, &o->key);
	bool ok = true;

	if (find(l, &o->key))
		ok = true;
	else if (uid_good(o->key.uid) && exists(a, folder, RUNDIR_JOURNAL))
		run_adopt(b, &o->key, NULL);    /* an earlier server got this far */
	else
		ok = start_fresh(l, a, o, folder, e);
	arena_free(a);
	return ok;
}

/* --- taking over ------------------------------------------------------------------------------------- */

static void adopt_known(struct local *l, const struct run_key *key, const char *folder, int dir,
	const struct run_sheet *sheet, const struct run_stop *stop)
{
	char *gpus = sheet->gpus ? xstrdup(sheet->gpus) : NULL;
	int64_t acked = rundir_read_number(dir, RUNDIR_ACKED);
	struct local_run *r;

	slots_retake(&l->slots, &sheet->order.resources, gpus);
	r = local_run_new(l, key, folder, &sheet->order.resources, gpus);
	r->grace_us = sheet->order.grace_us;
	if (stop)
		r->stop_reason = xstrdup(stop->reason ? stop->reason : "Stopped");
	r->told = r->acked = r->persisted = acked > 0 ? (uint64_t)acked : 0;
	r->vacant = true;               /* the look finds out who holds the lock */
	local_run_want_look(r);
}

static void local_adopt(struct run_backend *b, const struct run_key *key, const char *object UNUSED)
{
	struct local *l = local_of(b);
	struct arena *a = arena_new();
	const char *folder = rundir_path(a, l->state, key);
	int dir = uid_good(key->uid) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	const struct run_sheet *sheet = dir >= 0 ? rundir_read_sheet(dir, a) : NULL;
	const struct run_resources none = {0};

	if (find(l, key)) {
		/* told already */
	} else if (sheet) {
		adopt_known(l, key, folder, dir, sheet, rundir_read_stop(dir, a));
	} else {
		slots_retake(&l->slots, &none, NULL);
		local_run_want_look(local_run_new(l, key, dir >= 0 ? "/nonexistent" : folder, &none, NULL));
	}
	if (dir >= 0)
		close(dir);
	arena_free(a);
}

static void local_forget(struct run_backend *b, const struct run_key *key)
{
	struct local_run *r = find(local_of(b), key);

	if (r)
		local_run_drop(r);
}

/* A supervisor that has written the end is as good as gone. */
static bool lives(int dir, struct arena *a)
{
	const struct run_journal *j = rundir_life(dir, false) == RUNDIR_ALIVE ? rundir_read_journal(dir, a) : NULL;

	return j && !j->status;
}

static void sweep_run(struct local *l, int dir, struct arena *a, void (*found)(void *, const struct run_key *),
	void *ctx)
{
	const struct run_sheet *sheet = lives(dir, a) ? rundir_read_sheet(dir, a) : NULL;

	if (sheet && !find(l, &sheet->order.key))
		found(ctx, &sheet->order.key);
}

static void sweep_experiment(struct local *l, const char *uid, void (*found)(void *, const struct run_key *), void *ctx)
{
	char *path = xasprintf("%s/%s", l->state, uid);
	struct arena *a = arena_new();
	DIR *list = opendir(path);
	const struct dirent *d;
	int32_t number, attempt;

	while (list && (d = readdir(list))) {
		int dir = rundir_parse_name(d->d_name, &number, &attempt)
			? openat(dirfd(list), d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

		if (dir < 0)
			continue;
		sweep_run(l, dir, a, found, ctx);
		close(dir);
		arena_reset(a);
	}
	if (list)
		closedir(list);
	arena_free(a);
	free(path);
}

static void local_sweep(struct run_backend *b, void (*found)(void *, const struct run_key *), void *ctx)
{
	struct local *l = local_of(b);
	DIR *list = opendir(l->state);
	const struct dirent *d;

	while (list && (d = readdir(list))) {
		if (uid_good(d->d_name))
			sweep_experiment(l, d->d_name, found, ctx);
	}
	if (list)
		closedir(list);
}

/* --- stopping, acknowledging, room ------------------------------------------------------------------- */

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The supervisor may read only the last of several orders: each says all that was asked so far. */
static struct run_stop merge_stop(struct local_run *r, const struct run_stop *how)
{
	int64_t now = clk_now_us(), term = now + (how->notice_us > 0 ? how->notice_us : 0);

	if (!r->stop_reason)
		r->stop_reason = xstrdup(how->reason ? how->reason : "Stopped");
	r->term_us = sooner(r->term_us, term);
	r->kill_us = sooner(r->kill_us, term + (how->grace_us >= 0 ? how->grace_us : r->grace_us));
	term = r->term_us > now ? r->term_us : now;
	return (struct run_stop){r->stop_reason, term - now, r->kill_us > term ? r->kill_us - term : 0};
}

static void local_stop(struct run_backend *b, const struct run_key *key, const struct run_stop *how)
{
	struct local_run *r = find(local_of(b), key);
	struct run_stop all;
	struct err e;
	int dir;

	if (!r)
		return;
	all = merge_stop(r, how);
	dir = open(r->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	if (!rundir_write_stop(dir, &all, &e))
		LOG_WARN("stop order not written", L_STR("folder", r->folder), L_STR("error", e.detail));
	local_run_signal(r);
	close(dir);
}

static void local_ack(struct run_backend *b, const struct run_key *key, uint64_t cursor)
{
	struct local_run *r = find(local_of(b), key);

	if (!r || cursor <= r->acked)
		return;
	assert(cursor <= r->told);
	r->acked = cursor;
	local_run_want_look(r);
}

static enum run_fit local_fit(struct run_backend *b, const struct run_resources *res)
{
	return slots_fit(&local_of(b)->slots, res);
}

static void local_capacity(struct run_backend *b, struct run_capacity *out)
{
	*out = local_of(b)->slots.cap;
}

static void remove_folder(struct local *l, const char *path)
{
	static unsigned count;
	char *trash = xasprintf("%s/" TRASH "/%ld-%u", l->state, (long)clk_wall_us(), count++);

	if (rename(path, trash) == 0)
		launcher_remove(l->launcher, trash);
	free(trash);
}

static void local_purge(struct run_backend *b, const char *uid)
{
	struct local *l = local_of(b);
	char *path = xasprintf("%s/%s", l->state, uid);

	if (uid_good(uid))
		remove_folder(l, path);
	free(path);
}

/* --- the loop ------------------------------------------------------------------------------------------ */

/* Those that ask for another look while this goes on get it in the next pass. */
static void look_at_all(void *ctx)
{
	struct local *l = ctx;
	struct local_run *r, *last = TAILQ_LAST(&l->looks, look_list);

	while ((r = TAILQ_FIRST(&l->looks))) {
		bool done = r == last;

		TAILQ_REMOVE(&l->looks, r, look);
		r->wanted = false;
		local_look(r);
		if (done)
			break;
	}
	if (!TAILQ_EMPTY(&l->looks))
		loop_timer_after(l->look_timer, 0);
}

static void look_by_clock(void *ctx)
{
	struct local *l = ctx;

	for (size_t i = 0; i < l->runs.n_buckets; i++) {
		struct run_node *node;

		LIST_FOREACH(node, &l->runs.buckets[i], link) {
			struct local_run *r = (struct local_run *)node;

			if (!r->later)
				continue;
			r->later = false;
			local_run_want_look(r);
			if (!r->watch)
				local_run_look_later(r);
		}
	}
}

static void local_close(struct run_backend *b)
{
	struct local *l = local_of(b);
	struct run_node *node;
	struct launch *call;

	assert(LIST_EMPTY(&l->logs));
	while ((node = run_table_any(&l->runs)))
		local_run_drop((struct local_run *)node);
	while ((call = STAILQ_FIRST(&l->launches))) {
		STAILQ_REMOVE_HEAD(&l->launches, link);
		free(call);
	}
	launcher_free(l->launcher);
	loop_timer_free(l->look_timer);
	loop_timer_free(l->clock);
	notify_free(l->notify);
	run_table_free(&l->runs);
	slots_free(&l->slots);
	free(l->buffer);
	free(l->state);
	free(l);
}

static const struct run_backend_type local_type = {
	.name = "local",
	.start = local_start,
	.adopt = local_adopt,
	.stop = local_stop,
	.ack = local_ack,
	.forget = local_forget,
	.sweep = local_sweep,
	.fit = local_fit,
	.capacity = local_capacity,
	.log_open = local_log_open,
	.log_resume = local_log_resume,
	.log_close = local_log_close,
	.purge = local_purge,
	.close = local_close,
};

/* --- making it ------------------------------------------------------------------------------------------ */

/* What an earlier server did not finish deleting. */
static void empty_trash(struct local *l)
{
	char *path = xasprintf("%s/" TRASH, l->state);
	DIR *list = opendir(path);
	const struct dirent *d;

	while (list && (d = readdir(list))) {
		char *entry = xasprintf("%s/%s", path, d->d_name);

		if (d->d_name[0] != '.')
			launcher_remove(l->launcher, entry);
		free(entry);
	}
	if (list)
		closedir(list);
	free(path);
}

static bool open_state(struct local *l, const char *state, struct err *e)
{
	char *trash;
	bool ok;

	if (!make_folder(state, e))
		return false;
	l->state = realpath(state, NULL);
	if (!l->state)
		return err_set(e, ERR_UNAVAILABLE, "cannot use the folder %s: %s", state, strerror(errno));
	trash = xasprintf("%s/" TRASH, l->state);
	ok = make_folder(trash, e);
	free(trash);
	return ok;
}

/* Each run takes one. The launcher was started before and keeps the old limit for the trials, some of
 * which use select(). */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

struct run_backend *local_new(struct loop *loop, const struct local_options *o, run_event_fn *fn, void *ctx,
	struct err *e)
{
	struct local *l = xcalloc(1, sizeof *l);

	l->base = (struct run_backend){.type = &local_type, .loop = loop, .on_event = fn, .ctx = ctx};
	l->log_max = o->log_max > 0 ? o->log_max : log_max_default;
	slots_init(&l->slots, o->slots, o->cpus, o->gpus);
	run_table_init(&l->runs);
	TAILQ_INIT(&l->looks);
	STAILQ_INIT(&l->launches);
	LIST_INIT(&l->logs);
	l->buffer = xmalloc(LOCAL_BUFFER);
	l->look_timer = loop_timer_new(loop, look_at_all, l);
	l->clock = loop_timer_new(loop, look_by_clock, l);
	l->notify = notify_new(loop);
	if (!open_state(l, o->state, e) ||
		!(l->launcher = launcher_new(loop, o->program ? o->program : "/proc/self/exe", on_launched, l, e))) {
		local_close(&l->base);
		return NULL;
	}
	raise_descriptors();
	empty_trash(l);
	return &l->base;
}
