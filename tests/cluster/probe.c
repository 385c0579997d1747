/*
 * Trial-runner/kubernetes by hand, against a real API server: what test_access.py drives.
 *
 *     probe request METHOD PATH [BODY]     its status and what it means, then the body
 *     probe watch PATH [PAGE]              one line an event, until its input ends
 *     probe watches PATH COUNT             COUNT such watches at once; "synced COUNT", until its input ends
 *     probe create PATH COUNT              COUNT ConfigMaps at once, then deletes them: requests a second
 *     probe stream PATH                    the body as it comes, until it ends
 *
 * The cluster is found as the server finds it: $KUBECONFIG, ... or a pod's service account. Lines of
 * `watch`: "+namespace/name uid version" (* changed, - deleted, -? deleted unseen), "S" synced,
 * "! sentence" trouble, "!" its end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/http_client.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/kubernetes/access.h"
#include "trial-runner/kubernetes/client.h"
#include "trial-runner/kubernetes/reflector.h"

static struct loop *loop;
static struct kube_client *client;

static void print_answer(void *ctx, const struct kube_answer *a, const struct err *e)
{
	(void)ctx;
	printf("%d %s\n", a ? a->status : 0, e ? e->detail : "ok");
	if (a && a->text_len)
		printf("%s\n", a->text);
	loop_stop(loop, e != NULL);
}

static int run_request(char **arg, int n)
{
	kube_send(client, &(struct kube_request){.method = arg[0], .path = arg[1], .body = n > 2 ? arg[2] : NULL},
		print_answer, NULL);
	return loop_run(loop);
}

/* --- watch --------------------------------------------------------------------------------------- */

static void print_event(void *ctx, const struct kube_event *ev)
{
	static const char *const signs[] = {[KUBE_ADDED] = "+", [KUBE_MODIFIED] = "*", [KUBE_DELETED] = "-"};
	(void)ctx;
	printf("%s%s%s/%s %s %s\n", signs[ev->change], ev->object ? "" : "?", ev->ns, ev->name, ev->uid,
		ev->resource_version);
}

static void print_synced(void *ctx)
{
	(void)ctx;
	puts("S");
}

static void print_trouble(void *ctx, const struct err *e, const struct kube_refusal *refusal)
{
	(void)ctx;
	(void)refusal;
	printf("!%s%s\n", e ? " " : "", e ? e->detail : "");
}

static void on_input(void *ctx, int fd, unsigned io)
{
	char piece[64];
	(void)ctx;
	(void)io;
	if (read(fd, piece, sizeof piece) <= 0)
		loop_stop(loop, 0);
}

static int run_watch(char **arg, int n)
{
	struct kube_reflector *r = kube_reflector_new(client,
		&(struct kube_reflector_config){.path = arg[0], .page = n > 1 ? (unsigned)strtoul(arg[1], NULL, 10) : 0,
			.on_event = print_event, .on_synced = print_synced, .on_trouble = print_trouble});
	struct loop_watch *input = loop_watch_new(loop, STDIN_FILENO, LOOP_READ, on_input, NULL);
	int code = loop_run(loop);
	struct kube_reflector_stats s;

	kube_reflector_stats(r, &s);
	printf("lists %llu watches %llu events %llu bookmarks %llu failures %llu\n", (unsigned long long)s.lists,
		(unsigned long long)s.watches, (unsigned long long)s.events, (unsigned long long)s.bookmarks,
		(unsigned long long)s.failures);
	loop_watch_free(input);
	kube_reflector_free(r);
	return code;
}

static size_t unsynced, watches;

static void ignore_event(void *ctx, const struct kube_event *ev)
{
	(void)ctx;
	(void)ev;
}

static void count_synced(void *ctx)
{
	(void)ctx;
	if (--unsynced == 0)
		printf("synced %zu\n", watches);
}

static int run_watches(char **arg, int n)
{
	struct kube_reflector **r;
	struct loop_watch *input = loop_watch_new(loop, STDIN_FILENO, LOOP_READ, on_input, NULL);
	int code;

	watches = unsynced = n > 1 ? strtoul(arg[1], NULL, 10) : 10;
	r = xcalloc(watches, sizeof *r);
	for (size_t i = 0; i < watches; i++)
		r[i] = kube_reflector_new(client, &(struct kube_reflector_config){.path = arg[0], .on_event = ignore_event,
											  .on_synced = count_synced, .on_trouble = print_trouble});
	code = loop_run(loop);
	for (size_t i = 0; i < watches; i++)
		kube_reflector_free(r[i]);
	free(r);
	loop_watch_free(input);
	return code;
}

/* --- many ---------------------------------------------------------------------------------------- */

static struct many {
	size_t left, failed;
	char first_error[400];
} many;

static void count_answer(void *ctx, const struct kube_answer *a, const struct err *e)
{
	(void)ctx;
	(void)a;
	if (e && !many.failed++)
		snprintf(many.first_error, sizeof many.first_error, "%s", e->detail);
	many.left--;
}

static void send_all(const char *path, size_t count, const char *method)
{
	bool create = strcmp(method, "POST") == 0;
	int64_t begin = clk_now_us();

	many = (struct many){.left = count};
	for (size_t i = 0; i < count; i++) {
		struct arena *a = arena_new();
		kube_send(client,
			&(struct kube_request){.method = method,
				.path = create ? path : arena_printf(a, "%s/probe-%zu", path, i),
				.body = create ? arena_printf(a, "{\"metadata\":{\"name\":\"probe-%zu\"}}", i) : NULL,
				.urgent = !create},
			count_answer, NULL);
		arena_free(a);
	}
	while (many.left)
		loop_pass(loop, true);
	printf("%s %zu failed %zu rate %.0f/s %s\n", method, count, many.failed,
		(double)count * 1e6 / (double)(clk_now_us() - begin), many.first_error);
}

static int run_create(char **arg, int n)
{
	size_t count = n > 1 ? strtoul(arg[1], NULL, 10) : 100;

	send_all(arg[0], count, "POST");
	send_all(arg[0], count, "DELETE");
	return many.failed != 0;
}

/* --- streams ------------------------------------------------------------------------------------- */

static bool print_data(void *ctx, const char *p, size_t n)
{
	(void)ctx;
	return fwrite(p, 1, n, stdout) == n;
}

static int run_stream(char **arg, int n)
{
	char *query = strchr(arg[0], '?');

	(void)n;
	if (query)
		*query++ = '\0';
	kube_send(client, &(struct kube_request){.path = arg[0], .query = query, .on_data = print_data}, print_answer, NULL);
	return loop_run(loop);
}

static const struct { const char *name; int (*run)(char **arg, int n); int least; } commands[] = {
	{"request", run_request, 2},
	{"watch", run_watch, 1},
	{"watches", run_watches, 1},
	{"create", run_create, 1},
	{"stream", run_stream, 1},
};

int main(int argc, char **argv)
{
	struct kube_access *access;
	struct err e;
	int code = 2;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_configure(getenv("PROBE_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	loop = loop_new();
	access = kube_access_new(loop, NULL, &e);
	if (!access) {
		printf("0 %s\n", e.detail);
		loop_free(loop);
		return 1;
	}
	client = kube_client_new(loop, access, &(struct kube_client_config){.rate = 1000, .burst = 1000});
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (argc > 1 + commands[i].least && strcmp(argv[1], commands[i].name) == 0)
			code = commands[i].run(argv + 2, argc - 2);
	}
	if (code == 2)
		fputs("probe request|watch|watches|create|stream PATH ...\n", stderr);
	kube_client_free(client);
	kube_access_free(access);
	loop_free(loop);
	return code;
}
