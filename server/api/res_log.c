/* The log of a trial: what its program printed. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "server/api/res.h"
#include "server/control/control.h"
#include "server/store/store_trial.h"
#include "trial-runner/backend.h"

enum { BACKLOG_HIGH = 256 << 10, BEGIN_MS = 300 };

struct log_query {
	bool follow, has_tail;
	int64_t tail, offset, attempt;
};

static const struct json_field log_query[] = {
	JF_BOOL(struct log_query, follow, "follow", "false", "go on until the trial ends"),
	{.kind = JF_K_INT, .name = "tail", .offset = offsetof(struct log_query, tail),
		.present_offset = offsetof(struct log_query, has_tail), .min = 0, .max = 1000000, .doc = "only the last lines"},
	JF_INT(struct log_query, offset, "offset", JF_OPTIONAL, 0, 9e15, "0", "bytes to leave out at the beginning"),
	JF_INT(struct log_query, attempt, "attempt", JF_OPTIONAL, 1, INT32_MAX, NULL, "an earlier attempt of the trial"),
	JF_END,
};

/* An answer under way. It begins with the first piece of the log, so that a log that cannot be read is
 * an error and not an empty answer; who follows a program that prints nothing yet waits BEGIN_MS. */
struct log_answer {
	struct http_req *req;           /* NULL once the stream began */
	struct http_stream *stream;     /* NULL before, and after it ended */
	struct run_log *log;
	struct loop_timer *timer;
};

static void answer_free(void *ctx)
{
	struct log_answer *a = ctx;

	run_log_close(a->log);
	loop_timer_free(a->timer);
	free(a);
}

static void on_drain(void *ctx)
{
	struct log_answer *a = ctx;

	a->log->backend->type->log_resume(a->log);
}

static void begin(void *ctx)
{
	static const struct http_stream_events events = {.on_drain = on_drain, .on_close = answer_free};
	struct log_answer *a = ctx;
	struct http_req *req = a->req;

	if (!req)
		return;
	assert(!a->stream);
	a->req = NULL;
	http_set_header(req, "X-Content-Type-Options", "nosniff");
	http_set_header(req, "Cache-Control", "no-cache");
	a->stream = http_stream_begin(req, 200, "text/plain; charset=utf-8", &events, a);
}

/* The end of the log: the reader is closed after its callback has returned. */
static void finish(struct log_answer *a, struct loop *l)
{
	if (a->stream)
		http_stream_end(a->stream);
	a->stream = NULL;
	loop_defer_free(l, answer_free, a);
}

static bool on_log(void *ctx, const char *data, size_t n, int64_t offset, bool end, const struct err *e)
{
	struct log_answer *a = ctx;
	struct loop *loop = a->log->backend->loop;

	(void)offset;
	assert((a->req || a->stream) && (n == 0 || data));
	if (a->req && e) {
		http_reply_err(a->req, e);
		a->req = NULL;
		loop_defer_free(loop, answer_free, a);
		return false;
	}
	begin(a);
	if (n && !http_stream_write(a->stream, data, n))
		return false;
	if (end || e) {
		finish(a, loop);
		return false;
	}
	return http_stream_backlog(a->stream) < BACKLOG_HIGH;
}

static void open_log(struct http_req *req, struct run_backend *b, const struct store_trial *t, const struct run_key *key)
{
	const struct log_query *q = req->query;
	struct log_answer *a = xcalloc(1, sizeof *a);

	a->req = req;
	a->timer = loop_timer_new(api_app(req)->loop, begin, a);
	loop_timer_after(a->timer, BEGIN_MS * CLK_SECOND / 1000);
	a->log = run_log_open(b,
		&(struct run_log_query){.key = *key, .tail_lines = q->has_tail ? q->tail : -1, .offset = q->offset,
			.follow = q->follow,
			.object = key->attempt == t->attempt ? t->object : NULL,
			.active = key->attempt == t->attempt && !t->finished_us},
		on_log, a);
}

static void trial_read(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct http_req *req = ctx;
	const struct log_query *q = req->query;

	if (!api_trial_found(req, rows, e))
		return;
	const struct store_trial *t = &rows->items[0];
	struct run_backend *b = t->executor ? control_backend(api_app(req)->control, t->executor) : NULL;
	if (!t->executor)
		return api_fail(req, ERR_NOT_FOUND, "Trial %d is %s: it has no log yet", t->number, trial_state_name(t->state));
	if (!b)
		return api_fail(req, ERR_NOT_FOUND, "Trial %d is run by '%s', whose logs this server cannot read", t->number,
			t->executor);
	struct run_key key = {.experiment_id = t->experiment, .number = t->number,
		.attempt = q->attempt ? (int32_t)q->attempt : t->attempt};
	snprintf(key.uid, sizeof key.uid, "%s", rows->uid ? rows->uid : "");
	open_log(req, b, t, &key);
}

static void log_get(struct http_req *req)
{
	const struct store_trial_ref ref = api_trial_ref(req);

	store_trial_get(api_app(req)->store, req->arena, &ref, trial_read, req);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = API_TRIAL "/logs", .handler = log_get,
		.need = ROLE_VIEWER, .flags = ROUTE_TRIAL_TOKEN,
		.query = log_query, .query_size = sizeof(struct log_query),
		.status = 200, .answer_type = "text/plain", .id = "getLogs", .summary = "What a trial printed"},
};
ROUTE_TABLE(res_log, routes);
