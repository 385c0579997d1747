/*
 * Reads a metrics file while a program writes it: what is appended, what is truncated and written
 * again, what is replaced by a renamed file, whether or not it or its folder exists yet.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "trial-runner/collector.h"

struct file_tail;

/* `path` is absolute; the collector is borrowed. */
struct file_tail *file_tail_new(const char *path, struct metric_collector *c);
void file_tail_free(struct file_tail *t);
/* Readable when there may be news; -1 when the kernel has no more watches. */
int file_tail_fd(const struct file_tail *t);
/* False while the folder cannot be watched: the caller asks again in a while. */
bool file_tail_watching(const struct file_tail *t);
/* Feeds the collector with up to a megabyte of what is new; true when there is more. */
bool file_tail_read(struct file_tail *t, int64_t wall_us);
