#include <assert.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/local_run.h"

static void on_change(void *ctx)
{
	local_run_want_look(ctx);
}

struct local_run *local_run_new(struct local *l, const struct run_key *key, const char *folder,
	const struct run_resources *resources, char *gpus_take)
{
	struct local_run *r = xcalloc(1, sizeof *r);

	r->node.key = *key;
	r->local = l;
	r->folder = xstrdup(folder);
	r->resources = *resources;
	r->gpus = gpus_take;
	r->pidfd = -1;
	r->term_us = r->kill_us = INT64_MAX;
	r->watch = notify_add(l->notify, folder, IN_CLOSE_WRITE, on_change, r);
	run_table_put(&l->runs, &r->node);
	if (!r->watch)
		local_run_look_later(r);
	return r;
}

void local_run_free(struct local_run *r)
{
	free(r->folder);
	free(r->gpus);
	free(r->launch_failure);
	free(r->stop_reason);
	free(r);
}

void local_run_want_look(struct local_run *r)
{
	if (r->wanted || r->gone)
		return;
	r->wanted = true;
	TAILQ_INSERT_TAIL(&r->local->looks, r, look);
	loop_timer_after(r->local->look_timer, 0);
}

void local_run_look_later(struct local_run *r)
{
	r->later = true;
	loop_timer_after(r->local->clock, LOCAL_CLOCK_US);
}

static void close_pidfd(struct local_run *r)
{
	loop_watch_free(r->pid_watch);
	r->pid_watch = NULL;
	if (r->pidfd >= 0)
		close(r->pidfd);
	r->pidfd = -1;
}

/* A pidfd becomes readable when its process has ended. */
static void on_exit_of_supervisor(void *ctx, int fd UNUSED, unsigned io UNUSED)
{
	struct local_run *r = ctx;

	close_pidfd(r);
	r->vacant = true;
	local_run_want_look(r);
}

void local_run_set_pidfd(struct local_run *r, int pidfd)
{
	close_pidfd(r);
	r->vacant = pidfd < 0;
	r->pidfd = pidfd;
	if (pidfd >= 0)
		r->pid_watch = loop_watch_new(r->local->base.loop, pidfd, LOOP_READ, on_exit_of_supervisor, r);
	if (r->stop_reason)
		local_run_signal(r);
}

void local_run_signal(struct local_run *r)
{
	if (r->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, r->pidfd, SIGUSR1, NULL, 0);
}

static void free_run(void *ctx)
{
	local_run_free(ctx);
}

void local_run_drop(struct local_run *r)
{
	struct local *l = r->local;

	if (r->gone)
		return;
	assert(run_table_get(&l->runs, &r->node.key) == &r->node);
	r->gone = true;
	if (r->wanted)
		TAILQ_REMOVE(&l->looks, r, look);
	r->wanted = false;
	close_pidfd(r);
	notify_remove(r->watch);
	r->watch = NULL;
	slots_return(&l->slots, &r->resources, r->gpus);
	run_table_remove(&l->runs, &r->node);
	loop_defer_free(l->base.loop, free_run, r);
}
