#include "trial-runner/output.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/mem.h"

enum { NOTE_MAX = 128 };

static const char full_note[] = "\n[trimtab: the log is full; its end follows when the trial is over]\n";

void output_init(struct output *o, int fd, int64_t max)
{
	assert(max >= 8 * NOTE_MAX);
	*o = (struct output){.fd = fd, .tail_size = max / 2 < OUTPUT_TAIL ? (size_t)max / 2 : OUTPUT_TAIL};
	o->room = max - (int64_t)o->tail_size - 2 * NOTE_MAX;
}

static void put(struct output *o, const char *p, size_t n)
{
	while (n > 0 && !o->failed) {
		ssize_t done = write(o->fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			o->failed = true;
			break;
		}
		p += done;
		n -= (size_t)done;
	}
}

static void keep_tail(struct output *o, const char *p, size_t n)
{
	assert(o->tail && o->tail_at < o->tail_size);
	o->dropped += (int64_t)n;
	if (n >= o->tail_size) {
		memcpy(o->tail, p + n - o->tail_size, o->tail_size);
		o->tail_at = 0;
		o->tail_full = true;
		return;
	}
	while (n > 0) {
		size_t part = o->tail_size - o->tail_at;

		part = part < n ? part : n;
		memcpy(o->tail + o->tail_at, p, part);
		o->tail_at += part;
		if (o->tail_at == o->tail_size) {
			o->tail_at = 0;
			o->tail_full = true;
		}
		p += part;
		n -= part;
	}
}

void output_write(struct output *o, const char *data, size_t n)
{
	assert(o->fd >= 0 && o->room >= 0);
	if (!o->tail) {
		size_t part = (int64_t)n < o->room ? n : (size_t)o->room;

		put(o, data, part);
		o->room -= (int64_t)part;
		data += part;
		n -= part;
		if (n == 0)
			return;
		o->tail = xmalloc(o->tail_size);
		put(o, full_note, sizeof full_note - 1);
	}
	keep_tail(o, data, n);
}

static void put_tail(struct output *o)
{
	int64_t kept = o->tail_full ? (int64_t)o->tail_size : (int64_t)o->tail_at;
	char note[NOTE_MAX];
	int n = snprintf(note, sizeof note, "[trimtab: %" PRId64 " bytes left out]\n", o->dropped - kept);

	put(o, note, (size_t)n);
	if (o->tail_full)
		put(o, o->tail + o->tail_at, o->tail_size - o->tail_at);
	put(o, o->tail, o->tail_at);
}

void output_end(struct output *o)
{
	if (o->tail)
		put_tail(o);
	free(o->tail);
	o->tail = NULL;
	close(o->fd);
	o->fd = -1;
}
