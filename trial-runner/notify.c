#include "trial-runner/notify.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <unistd.h>

#include "lib/attr.h"
#include "lib/loop.h"
#include "lib/mem.h"

enum { BUCKETS = 1024 };

/* Two watches of one file share the kernel's descriptor. */
struct notify_watch {
	LIST_ENTRY(notify_watch) link;
	struct notify *notify;
	int wd;
	notify_fn *fn;
	void *ctx;
};
LIST_HEAD(watch_list, notify_watch);

struct notify {
	int fd;
	struct loop_watch *io;
	struct watch_list buckets[BUCKETS];
	struct notify_watch *next;      /* of the dispatch under way, so that any watch may be removed */
};

static struct watch_list *bucket(struct notify *n, int wd)
{
	return &n->buckets[(unsigned)wd % BUCKETS];
}

static void dispatch(struct notify *n, struct watch_list *list, int wd)
{
	for (struct notify_watch *w = LIST_FIRST(list); w; w = n->next) {
		n->next = LIST_NEXT(w, link);
		if (wd < 0 || w->wd == wd)
			w->fn(w->ctx);
	}
	n->next = NULL;
}

static void take_event(struct notify *n, const struct inotify_event *ev)
{
	assert(!n->next && "watches do not turn the loop");
	if (ev->wd >= 0) {
		dispatch(n, bucket(n, ev->wd), ev->wd);
		return;
	}
	/* The kernel's queue overflowed: any of them may have changed. */
	for (size_t i = 0; i < BUCKETS; i++)
		dispatch(n, &n->buckets[i], -1);
}

static void on_io(void *ctx, int fd, unsigned io UNUSED)
{
	struct notify *n = ctx;
	char events[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t got = read(fd, events, sizeof events);
	ssize_t at = 0;

	while (at < got) {
		const void *p = events + at;
		const struct inotify_event *ev = p;

		take_event(n, ev);
		at += (ssize_t)(sizeof *ev + ev->len);
	}
}

struct notify *notify_new(struct loop *l)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct notify *n;

	if (fd < 0)
		return NULL;
	n = xcalloc(1, sizeof *n);
	n->fd = fd;
	n->io = loop_watch_new(l, fd, LOOP_READ, on_io, n);
	return n;
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		assert(LIST_EMPTY(&n->buckets[i]));
	loop_watch_free(n->io);
	close(n->fd);
	free(n);
}

struct notify_watch *notify_add(struct notify *n, const char *path, uint32_t mask, notify_fn *fn, void *ctx)
{
	int wd = n ? inotify_add_watch(n->fd, path, mask | IN_MASK_ADD) : -1;
	struct notify_watch *w;

	if (wd < 0)
		return NULL;
	w = xmalloc(sizeof *w);
	*w = (struct notify_watch){.notify = n, .wd = wd, .fn = fn, .ctx = ctx};
	LIST_INSERT_HEAD(bucket(n, wd), w, link);
	return w;
}

void notify_remove(struct notify_watch *w)
{
	struct notify_watch *other;

	if (!w)
		return;
	if (w->notify->next == w)
		w->notify->next = LIST_NEXT(w, link);
	LIST_REMOVE(w, link);
	LIST_FOREACH(other, bucket(w->notify, w->wd), link) {
		if (other->wd == w->wd)
			break;
	}
	if (!other)
		inotify_rm_watch(w->notify->fd, w->wd);
	free(w);
}
