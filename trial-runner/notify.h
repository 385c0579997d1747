/*
 * File events on the loop: one inotify descriptor for all that a backend watches. Events only
 * say that something may have changed; whoever gets one looks for itself.
 */
#pragma once
#include <stdint.h>

struct loop;
struct notify;
struct notify_watch;

typedef void notify_fn(void *ctx);

struct notify *notify_new(struct loop *l);              /* NULL when the kernel has no more of them */
void notify_free(struct notify *n);                     /* after all watches */
/* NULL when the path is not there or the kernel's limit is reached. */
struct notify_watch *notify_add(struct notify *n, const char *path, uint32_t mask, notify_fn *fn, void *ctx);
/* Also from within a callback. */
void notify_remove(struct notify_watch *w);
