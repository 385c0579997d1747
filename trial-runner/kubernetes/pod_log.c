#include "trial-runner/kubernetes/pod_log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/strbuf.h"
#include "trial-runner/kubernetes/client.h"

enum {
	LINE_MAX_BYTES = 64 * 1024,     /* a longer line is passed on in parts */
	STAMP_MAX = 40,
};

static const int64_t pause_min_us = CLK_SECOND / 5, pause_max_us = 5 * CLK_SECOND;
static const int64_t drain_us = CLK_SECOND, alone_us = 3 * CLK_SECOND;

enum phase {
	LOG_FOLLOW,
	LOG_DRAIN,                      /* finish was said; the stream may end by itself */
	LOG_FINISH,                     /* what is left is read */
	LOG_OVER,
};

struct pod_log {
	struct pod_log_config config;
	struct kube_client *client;
	struct arena *arena;
	struct loop_timer *timer;
	struct kube_call *call;         /* NULL: none under way */
	enum phase phase;
	bool held;
	unsigned failures;              /* in a row */
	int64_t failing_since_us;       /* the first of them */
	int64_t patience_us;            /* LOG_FINISH: with failures */
	bool forbidden;                 /* was told */
	/* What was seen. */
	int64_t newest_us, since_s;     /* 0 = nothing */
	uint64_t seen;                  /* lines from since_s on */
	/* The stream under way. */
	bool fresh;                     /* it had lines that were not seen */
	uint64_t skip;                  /* lines of it that may have been seen, */
	int64_t resume_us;              /* if they are not newer than this */
	struct strbuf line;
	enum { PART_HEAD, PART_PASSED, PART_SKIPPED } part;     /* of the line in hand: nothing of it was passed on,
									 * its beginning was, or it is left out */
	int64_t line_us;
};

/* ---- lines ---------------------------------------------------------------------------------------- */

/* "2026-11-22T21:10:33.123456789Z text": where the text begins, or NULL. */
static const char *stamp_of(const char *line, size_t n, int64_t *wall_us)
{
	const char *space = memchr(line, ' ', n < STAMP_MAX ? n : STAMP_MAX);
	char stamp[STAMP_MAX + 1];

	if (!space)
		return NULL;
	memcpy(stamp, line, (size_t)(space - line));
	stamp[space - line] = '\0';
	return clk_parse_time(stamp, wall_us) ? space + 1 : NULL;
}

static void count_line(struct pod_log *l, int64_t wall_us)
{
	if (wall_us / CLK_SECOND > l->since_s) {
		l->since_s = wall_us / CLK_SECOND;
		l->seen = 0;
	}
	l->seen += wall_us / CLK_SECOND == l->since_s;
	if (wall_us > l->newest_us)
		l->newest_us = wall_us;
}

/* A line in hand, complete or grown too long. What has no time is the kubelet's own remark. */
static void begin_line(struct pod_log *l)
{
	int64_t wall_us;
	const char *text = stamp_of(l->line.data, l->line.len, &wall_us);

	l->part = PART_SKIPPED;
	if (!text)
		return;
	if (l->skip > 0 && wall_us <= l->resume_us) {
		l->skip--;
		return;
	}
	count_line(l, wall_us);
	l->line_us = wall_us;
	l->part = PART_PASSED;
	l->fresh = true;
	l->config.on_text(l->config.ctx, text, l->line.len - (size_t)(text - l->line.data), wall_us);
}

static void end_line(struct pod_log *l)
{
	strbuf_reset(&l->line);
	l->part = PART_HEAD;
}

static void take(struct pod_log *l, const char *p, size_t n, bool whole)
{
	if (l->part == PART_PASSED)
		l->config.on_text(l->config.ctx, p, n, l->line_us);
	else if (l->part == PART_HEAD)
		strbuf_add(&l->line, p, n);
	if (l->part == PART_HEAD && (whole || l->line.len >= LINE_MAX_BYTES)) {
		begin_line(l);
		strbuf_reset(&l->line);
	}
	if (whole)
		end_line(l);
}

static bool on_data(void *ctx, const char *p, size_t n)
{
	struct pod_log *l = ctx;

	l->failures = 0;
	while (n > 0 && !l->held) {
		const char *newline = memchr(p, '\n', n);
		size_t part = newline ? (size_t)(newline - p) + 1 : n;

		/* Never more than the buffer takes at once. */
		if (part > LINE_MAX_BYTES) {
			part = LINE_MAX_BYTES;
			newline = NULL;
		}
		take(l, p, part, newline && newline == p + part - 1);
		p += part;
		n -= part;
	}
	return !l->held;
}

/* ---- requests ------------------------------------------------------------------------------------- */

static void on_done(void *ctx, const struct kube_answer *a, const struct err *e);

static void request(struct pod_log *l)
{
	struct strbuf query;
	struct arena *a = arena_new();
	char since[CLK_TIME_MAX];

	assert(!l->call && !l->held && l->phase != LOG_OVER);
	strbuf_init(&query, 4096);
	strbuf_puts(&query, "timestamps=true");
	if (l->phase == LOG_FOLLOW)
		strbuf_puts(&query, "&follow=true");
	if (l->config.has_tail && l->since_s == 0)
		strbuf_printf(&query, "&tailLines=%" PRId64, l->config.tail);
	if (l->config.container)
		strbuf_printf(&query, "&container=%s", l->config.container);
	if (l->since_s > 0) {
		clk_format_time(since, l->since_s * CLK_SECOND);
		strbuf_printf(&query, "&sinceTime=%.19sZ", since);
	}
	l->skip = l->config.has_tail && l->since_s > 0 ? UINT64_MAX : l->seen;
	l->resume_us = l->newest_us;
	l->fresh = false;
	end_line(l);
	l->call = kube_send(l->client,
		&(struct kube_request){.path = kube_path(a, "v1", l->config.ns, "pods", l->config.pod, "log"),
			.query = query.data, .urgent = l->phase == LOG_FINISH, .on_data = on_data},
		on_done, l);
	strbuf_free(&query);
	arena_free(a);
}

static void on_timer(void *ctx)
{
	struct pod_log *l = ctx;

	if (l->phase == LOG_DRAIN) {
		l->phase = LOG_FINISH;
		kube_cancel(l->call);
		l->call = NULL;
	}
	if (!l->call && !l->held && l->phase != LOG_OVER)
		request(l);
}

static void again_later(struct pod_log *l)
{
	int64_t pause = pause_min_us << (l->failures < 5 ? l->failures : 5);

	if (l->failures++ == 0)
		l->failing_since_us = clk_now_us();
	loop_timer_after(l->timer, pause < pause_max_us ? pause : pause_max_us);
}

static void over(struct pod_log *l, const char *why)
{
	l->phase = LOG_OVER;
	loop_timer_cancel(l->timer);
	l->config.on_end(l->config.ctx, why);
}

/* What has no newline is a line only when nothing more can come. */
static void last_line(struct pod_log *l)
{
	if (l->part == PART_HEAD && l->line.len > 0)
		begin_line(l);
	end_line(l);
}

static bool refused(const struct kube_answer *a, enum kube_refusal_kind kind)
{
	return a && a->refusal && a->refusal->kind == kind;
}

static bool for_good(const struct kube_answer *a)
{
	return refused(a, KUBE_REFUSED_ABSENT) || refused(a, KUBE_REFUSED_RIGHTS);
}

static void tell_forbidden(struct pod_log *l, const struct kube_answer *a, const struct err *e)
{
	if (!l->config.on_forbidden || l->forbidden || !refused(a, KUBE_REFUSED_RIGHTS))
		return;
	l->forbidden = true;
	l->config.on_forbidden(l->config.ctx, e->detail);
}

static bool too_long(const struct pod_log *l)
{
	return l->failures > 0 && clk_now_us() - l->failing_since_us >= l->patience_us;
}

/* The end of a stream is the log's if another one has nothing to add. A container that does not run yet has
 * an empty log, or is waited for. */
static void end_alone(struct pod_log *l, const struct kube_answer *a, const struct err *e)
{
	const bool waits = refused(a, KUBE_REFUSED_INVALID);

	if (e && (for_good(a) || (l->config.once && !waits && too_long(l)))) {
		over(l, e->detail);
	} else if (l->config.once ? !e || waits : !e && !l->fresh) {
		last_line(l);
		over(l, NULL);
	} else {
		again_later(l);
	}
}

static void on_done(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct pod_log *l = ctx;
	const enum phase phase = l->phase;

	l->call = NULL;
	if (l->held)
		return;
	tell_forbidden(l, a, e);
	if (l->config.alone) {
		end_alone(l, a, e);
	} else if (phase == LOG_DRAIN || (phase == LOG_FINISH && !e)) {
		last_line(l);
		over(l, NULL);
	} else if (phase == LOG_FINISH && (for_good(a) || too_long(l))) {
		over(l, e->detail);
	} else {
		again_later(l);
	}
}

/* ---- life ----------------------------------------------------------------------------------------- */

struct pod_log *pod_log_new(struct kube_client *c, const struct pod_log_config *config)
{
	struct pod_log *l = xcalloc(1, sizeof *l);

	l->client = c;
	l->config = *config;
	l->arena = arena_new();
	l->config.ns = arena_strdup(l->arena, config->ns);
	l->config.pod = arena_strdup(l->arena, config->pod);
	l->config.container = arena_strdup(l->arena, config->container);
	strbuf_init(&l->line, 2 * LINE_MAX_BYTES);
	l->timer = loop_timer_new(kube_client_loop(c), on_timer, l);
	l->phase = l->config.once ? LOG_FINISH : LOG_FOLLOW;
	l->patience_us = alone_us;
	request(l);
	return l;
}

void pod_log_free(struct pod_log *l)
{
	if (!l)
		return;
	kube_cancel(l->call);
	loop_timer_free(l->timer);
	strbuf_free(&l->line);
	arena_free(l->arena);
	free(l);
}

void pod_log_stop(struct pod_log *l)
{
	if (!l)
		return;
	l->phase = LOG_OVER;
	l->held = true;
	kube_cancel(l->call);
	l->call = NULL;
	loop_timer_cancel(l->timer);
}

/* The call that delivers is ended by its own callback, which returns false then. */
void pod_log_hold(struct pod_log *l, bool hold)
{
	if (l->held == hold)
		return;
	l->held = hold;
	if (!hold && !l->call && l->phase != LOG_OVER)
		loop_timer_after(l->timer, 0);
}

void pod_log_finish(struct pod_log *l, bool draining, int64_t patience_us)
{
	l->patience_us = patience_us;
	if (l->phase == LOG_FINISH || l->phase == LOG_OVER || (l->phase == LOG_DRAIN && draining))
		return;
	l->failures = 0;
	if (draining && l->call) {
		l->phase = LOG_DRAIN;
		loop_timer_after(l->timer, drain_us);
		return;
	}
	l->phase = LOG_FINISH;
	kube_cancel(l->call);
	l->call = NULL;
	if (!l->held)
		loop_timer_after(l->timer, 0);
}
