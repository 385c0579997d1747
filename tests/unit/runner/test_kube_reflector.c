/* Following a resource: pages, events, what ends a watch, what is told after it. */
#include "tests/unit/runner/fake_api.h"

#include <sys/resource.h>
#include <time.h>

#include "lib/json.h"
#include "lib/strbuf.h"
#include "trial-runner/kubernetes/reflector.h"

#define PODS "/api/v1/namespaces/team-a/pods"

/* --- what the server has ------------------------------------------------------------------------- */

struct pod { const char *name, *uid, *version; };

enum { PODS_MAX = 8 };

static struct world {
	struct pod pods[PODS_MAX];
	size_t n_pods;
	const char *version;            /* of the list                                       */
	int lists, watches;             /* asked so far; pages count                         */
	int gone_pages;                 /* so many pages with `continue` answer 410          */
	int gone_watches;               /* so many watches answer 410                        */
	int denied_lists, denied_watches, cut_lists;
	bool huge;                      /* pages of more than one pod are too large          */
	char watch_query[FAKE_LINE_MAX], list_query[FAKE_LINE_MAX];
} world;

static void put_pod(struct strbuf *b, const struct pod *p)
{
	strbuf_printf(b,
		"{\"metadata\":{\"name\":\"%s\",\"namespace\":\"team-a\",\"uid\":\"%s\",\"resourceVersion\":\"%s\"},"
		"\"status\":{\"phase\":\"Running\"}}",
		p->name, p->uid, p->version);
}

static size_t number_in(const char *query, const char *name)
{
	const char *at = strstr(query, name);

	return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

static void serve_page(struct fake_request *r)
{
	size_t limit = number_in(r->query, "limit="), from = number_in(r->query, "continue=at-"), i;
	struct strbuf b;

	strbuf_init(&b, 128 << 20);
	strbuf_puts(&b, "{\"kind\":\"PodList\",\"items\":[");
	for (i = from; i < world.n_pods && i < from + limit; i++) {
		strbuf_puts(&b, i > from ? "," : "");
		put_pod(&b, &world.pods[i]);
	}
	strbuf_printf(&b, "],\"metadata\":{\"resourceVersion\":\"%s\"", world.version);
	if (i < world.n_pods)
		strbuf_printf(&b, ",\"continue\":\"at-%zu\"", i);
	strbuf_puts(&b, "}}");
	for (size_t pad = 0; world.huge && limit > 1 && pad < (65u << 20); pad += 1024)
		strbuf_printf(&b, "%1024s", "");
	fake_reply(r, 200, b.data);
	strbuf_free(&b);
}

static void serve_list(struct fake_request *r)
{
	world.lists++;
	snprintf(world.list_query, sizeof world.list_query, "%s", r->query);
	if (world.denied_lists > 0 && world.denied_lists--)
		fake_status(r, 403, "Forbidden", "pods is forbidden: User \\\"me\\\" cannot list resource \\\"pods\\\"");
	else if (strstr(r->query, "continue=") && world.gone_pages > 0 && world.gone_pages--)
		fake_status(r, 410, "Expired", "the continue parameter is too old");
	else if (world.cut_lists > 0 && world.cut_lists--)
		evhttp_connection_free(evhttp_request_get_connection(r->http));
	else
		serve_page(r);
}

static void serve(void *ctx UNUSED, struct fake_request *r)
{
	if (strcmp(r->path, PODS) != 0) {
		fake_reply(r, 200, "{}");
	} else if (!strstr(r->query, "watch=1")) {
		serve_list(r);
	} else {
		world.watches++;
		snprintf(world.watch_query, sizeof world.watch_query, "%s", r->query);
		if (world.gone_watches > 0 && world.gone_watches--)
			fake_status(r, 410, "Expired", "too old resource version");
		else if (world.denied_watches > 0 && world.denied_watches--)
			fake_status(r, 403, "Forbidden", "pods is forbidden: User \\\"me\\\" cannot watch resource \\\"pods\\\"");
		else
			fake_stream_begin(r);
	}
}

/* --- what the owner hears ------------------------------------------------------------------------ */

static struct owner {
	struct fake_api *api;
	struct kube_reflector *r;
	struct strbuf log;              /* "+a/1 *a/2 -a/3? S !403"; ? = without an object       */
	int synced, events;
	int64_t received_us;
	bool quiet;
} owner;

static void on_event(void *ctx UNUSED, const struct kube_event *ev)
{
	static const char signs[] = {[KUBE_ADDED] = '+', [KUBE_MODIFIED] = '*', [KUBE_DELETED] = '-'};

	owner.events++;
	owner.received_us = ev->received_us;
	if (owner.quiet)
		return;
	assert_string_equal(ev->ns, "team-a");
	strbuf_printf(&owner.log, "%c%s/%s/%s%s ", signs[ev->change], ev->name, ev->uid, ev->resource_version,
		ev->object ? "" : "?");
	if (ev->object)
		assert_non_null(json_at(ev->object, "/metadata/name"));
}

static void on_synced(void *ctx UNUSED)
{
	owner.synced++;
	strbuf_puts(&owner.log, "S ");
}

static void on_trouble(void *ctx UNUSED, const struct err *e, const struct kube_refusal *refusal)
{
	if (e)
		strbuf_printf(&owner.log, "!%s ", refusal ? refusal->verb : "-");
	else
		strbuf_puts(&owner.log, "! ");
}

static double half(void *ctx UNUSED)
{
	return 0.5;
}

static void start(struct kube_reflector_config c)
{
	memset(&owner, 0, sizeof owner);
	strbuf_init(&owner.log, 1 << 20);
	owner.api = fake_new(serve, NULL, "token: abc", &(struct kube_client_config){.rate = 1e6, .burst = 1000});
	c.path = PODS;
	c.on_event = on_event;
	c.on_synced = on_synced;
	c.on_trouble = on_trouble;
	c.random = half;
	if (!c.pause_min_us)
		c.pause_min_us = 2000;
	if (!c.pause_max_us)
		c.pause_max_us = 20000;
	owner.r = kube_reflector_new(owner.api->client, &c);
}

static void stop(void)
{
	kube_reflector_free(owner.r);
	strbuf_free(&owner.log);
	fake_free(owner.api);
	memset(&world, 0, sizeof world);
}

static void set_pods(const char *version, size_t n, const struct pod *pods)
{
	world.version = version;
	world.n_pods = n;
	for (size_t i = 0; i < n; i++)
		world.pods[i] = pods[i];
}

#define PODS_ARE(version, ...)                                                       \
	set_pods(version, sizeof((struct pod[]){__VA_ARGS__}) / sizeof(struct pod), (struct pod[]){__VA_ARGS__})

static void send_event(const char *type, const char *name, const char *uid, const char *version)
{
	struct strbuf b;

	strbuf_init(&b, 1 << 16);
	strbuf_printf(&b, "{\"type\":\"%s\",\"object\":", type);
	put_pod(&b, &(struct pod){name, uid, version});
	strbuf_puts(&b, "}\n");
	fake_stream_write(owner.api, b.data);
	strbuf_free(&b);
}

/* The whole log so far, and begin a new one. */
static void heard(const char *expected)
{
	fake_until(owner.api, owner.log.len >= strlen(expected));
	fake_turn(owner.api, 5000);
	assert_string_equal(owner.log.data, expected);
	strbuf_reset(&owner.log);
}

static void until_watching(int times)
{
	fake_until(owner.api, world.watches >= times && owner.api->stream);
}

/* --- tests --------------------------------------------------------------------------------------- */

static void a_list_in_pages_then_a_watch(void **state UNUSED)
{
	PODS_ARE("7", {"a", "u1", "1"}, {"b", "u2", "2"}, {"c", "u3", "3"}, {"d", "u4", "4"}, {"e", "u5", "5"});
	start((struct kube_reflector_config){.page = 2, .labels = "a in (b,c)"});
	heard("+a/u1/1 +b/u2/2 +c/u3/3 +d/u4/4 +e/u5/5 S ");
	until_watching(1);
	assert_int_equal(world.lists, 3);
	assert_string_equal(world.list_query, "limit=2&labelSelector=a%20in%20%28b%2Cc%29&continue=at-4");
	assert_string_equal(world.watch_query,
		"watch=1&allowWatchBookmarks=true&timeoutSeconds=451&resourceVersion=7&labelSelector=a%20in%20%28b%2Cc%29");
	send_event("MODIFIED", "b", "u2", "8");
	send_event("ADDED", "f", "u6", "9");
	send_event("DELETED", "a", "u1", "10");
	send_event("DELETED", "never", "u9", "11");     /* unknown: nothing to tell */
	send_event("MODIFIED", "g", "u7", "12");        /* new to us whatever the server calls it */
	heard("*b/u2/8 +f/u6/9 -a/u1/10 +g/u7/12 ");
	assert_true(kube_reflector_synced(owner.r));
	assert_int_equal(kube_reflector_count(owner.r), 6);
	const char *uid, *version;
	assert_true(kube_reflector_find(owner.r, "team-a", "b", &uid, &version));
	assert_string_equal(uid, "u2");
	assert_string_equal(version, "8");
	assert_false(kube_reflector_find(owner.r, "team-a", "a", &uid, &version));
	stop();
}

static void half_lines_and_many_in_one(void **state UNUSED)
{
	set_pods("1", 0, NULL);
	start((struct kube_reflector_config){0});
	until_watching(1);
	fake_stream_write(owner.api, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"namespace\":\"team-a\",\"na");
	fake_turn(owner.api, 5000);
	fake_stream_write(owner.api,
		"me\":\"x\",\"uid\":\"u\",\"resourceVersion\":\"2\"}}}\r\n\n"
		"{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"namespace\":\"team-a\",\"name\":\"x\",\"uid\":\"u\","
		"\"resourceVersion\":\"3\"}}}\n{\"type\":\"ADD");
	heard("S +x/u/2 -x/u/3 ");
	/* The beginning of an event is lost with its connection; the watch goes on from the last whole one. */
	fake_stream_cut(owner.api);
	until_watching(2);
	assert_non_null(strstr(world.watch_query, "resourceVersion=3"));
	assert_int_equal(world.lists, 1);
	stop();
}

static void a_watch_that_ends_goes_on(void **state UNUSED)
{
	PODS_ARE("5", {"a", "u1", "1"});
	start((struct kube_reflector_config){0});
	until_watching(1);
	fake_stream_write(owner.api,
		"{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"77\"}}}\n");
	fake_turn(owner.api, 5000);
	fake_stream_end(owner.api);
	until_watching(2);
	assert_non_null(strstr(world.watch_query, "resourceVersion=77"));
	send_event("MODIFIED", "a", "u1", "78");
	heard("+a/u1/1 S *a/u1/78 ");
	fake_stream_cut(owner.api);
	until_watching(3);
	assert_non_null(strstr(world.watch_query, "resourceVersion=78"));
	assert_int_equal(world.lists, 1);
	assert_string_equal(owner.log.data, ""); /* that is everyday, no trouble */
	struct kube_reflector_stats stats;
	kube_reflector_stats(owner.r, &stats);
	assert_int_equal(stats.bookmarks, 1);
	assert_int_equal(stats.watches, 3);
	stop();
}

static void what_happened_unseen_is_told_after_a_second_list(void **state UNUSED)
{
	static const char *const ends[] = {
		"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"old\"}}\n",
		NULL, /* the status of the watch itself */
	};
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		PODS_ARE("5", {"same", "u1", "1"}, {"other", "u2", "2"}, {"gone", "u3", "3"}, {"replaced", "u4", "4"});
		start((struct kube_reflector_config){0});
		until_watching(1);
		heard("+same/u1/1 +other/u2/2 +gone/u3/3 +replaced/u4/4 S ");
		PODS_ARE("20", {"same", "u1", "1"}, {"other", "u2", "12"}, {"replaced", "u5", "13"}, {"new", "u6", "14"});
		if (ends[i]) {
			fake_stream_write(owner.api, ends[i]);
		} else {
			world.gone_watches = 1;
			fake_stream_cut(owner.api);
		}
		heard("*other/u2/12 -replaced/u4/4? +replaced/u5/13 +new/u6/14 -gone/u3/3? ");
		until_watching(2);
		assert_non_null(strstr(world.watch_query, "resourceVersion=20"));
		assert_int_equal(owner.synced, 1); /* told once */
		stop();
	}
}

static void a_page_that_expired_begins_again(void **state UNUSED)
{
	PODS_ARE("5", {"a", "u1", "1"}, {"b", "u2", "2"}, {"c", "u3", "3"});
	world.gone_pages = 2;
	start((struct kube_reflector_config){.page = 2});
	heard("+a/u1/1 +b/u2/2 +c/u3/3 S ");
	assert_int_equal(world.lists, 6); /* 2 + 2 + 2 pages */
	stop();
}

static void a_page_that_is_too_large_is_made_smaller(void **state UNUSED)
{
	PODS_ARE("5", {"a", "u1", "1"}, {"b", "u2", "2"});
	world.huge = true;
	start((struct kube_reflector_config){.page = 2});
	heard("+a/u1/1 +b/u2/2 S ");
	assert_string_equal(world.list_query, "limit=1&continue=at-1");
	stop();
}

static void trouble_is_told_once_and_when_it_ends(void **state UNUSED)
{
	PODS_ARE("5", {"a", "u1", "1"});
	world.denied_lists = 3;
	start((struct kube_reflector_config){0});
	heard("!list +a/u1/1 ! S ");
	assert_int_equal(world.lists, 4);
	until_watching(1);
	world.denied_watches = 2;
	fake_stream_cut(owner.api);
	heard("!watch ! ");
	until_watching(4);
	assert_int_equal(world.lists, 4); /* the version is still good */
	stop();
}

static void an_unreachable_server_is_trouble_too(void **state UNUSED)
{
	PODS_ARE("5", {"a", "u1", "1"});
	world.cut_lists = 3;
	start((struct kube_reflector_config){0});
	heard("!- +a/u1/1 ! S ");
	stop();
}

static void pauses_double_up_to_a_ceiling(void **state UNUSED)
{
	PODS_ARE("5", {"a", "u1", "1"});
	world.denied_lists = 6;
	/* 10 + 20 + 40 + 40 + 40 + 40 ms, times 0.5 + 0.5 */
	int64_t begin = clk_now_us();
	start((struct kube_reflector_config){.pause_min_us = 10000, .pause_max_us = 40000});
	fake_until(owner.api, owner.synced);
	int64_t took = clk_now_us() - begin;
	if (took < 189000)
		fail_msg("%lld us for pauses of 190 ms", (long long)took);
	stop();
}

static void one_bad_event_does_not_hide_the_others(void **state UNUSED)
{
	set_pods("1", 0, NULL);
	start((struct kube_reflector_config){.event_max = 4096});
	until_watching(1);
	fake_stream_write(owner.api, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\\u0000b\"}}}\n");
	fake_stream_write(owner.api, "nonsense\n[]\n{\"type\":\"ADDED\"}\n{\"type\":\"MODIFIED\",\"object\":{}}\n");
	send_event("ADDED", "x", "u", "2");
	heard("S +x/u/2 ");
	assert_int_equal(world.watches, 1);
	struct kube_reflector_stats stats;
	kube_reflector_stats(owner.r, &stats);
	assert_int_equal(stats.unreadable, 5);
	/* One that is larger than may be kept: whatever it was, a list shows it. */
	char big[8192];
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	PODS_ARE("9", {"x", "u", "2"}, {"big", "u2", "3"});
	fake_stream_write(owner.api, big);
	heard("!- +big/u2/3 ! ");
	until_watching(2);
	stop();
}

static void an_error_of_the_watch_is_told(void **state UNUSED)
{
	set_pods("1", 0, NULL);
	start((struct kube_reflector_config){0});
	until_watching(1);
	fake_stream_write(owner.api,
		"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":500,\"message\":\"etcd is away\"}}\n");
	heard("S !- ! ");
	until_watching(2);
	assert_int_equal(world.lists, 1);
	stop();
}

static void freed_while_it_waits(void **state UNUSED)
{
	PODS_ARE("5", {"a", "u1", "1"});
	start((struct kube_reflector_config){0});
	stop();
	PODS_ARE("5", {"a", "u1", "1"});
	world.denied_lists = 1;
	start((struct kube_reflector_config){.pause_min_us = 10000000});
	heard("!list ");
	stop();
	PODS_ARE("5", {"a", "u1", "1"});
	start((struct kube_reflector_config){0});
	until_watching(1);
	stop();
}

/* --- speed --------------------------------------------------------------------------------------- */

enum { LOAD_PODS = 1000, LOAD_EVENTS = 20000 };

/* As large as a pod of a Job: some 5 KB with its managed fields. */
static void put_real_pod(struct strbuf *b, int i, int version)
{
	strbuf_printf(b,
		"{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"trial-%d\","
		"\"namespace\":\"team-a\",\"uid\":\"8b6b5f0e-0b5c-4b0e-9c5e-%012d\",\"resourceVersion\":\"%d\",\"labels\":{",
		i, i, version);
	for (int k = 0; k < 12; k++)
		strbuf_printf(b, "%s\"trimtab.dev/label-%d\":\"value-%d\"", k ? "," : "", k, k);
	strbuf_puts(b, "},\"managedFields\":[");
	for (int k = 0; k < 3; k++) {
		strbuf_printf(b, "%s{\"manager\":\"m%d\",\"operation\":\"Update\",\"fieldsV1\":{", k ? "," : "", k);
		for (int j = 0; j < 25; j++)
			strbuf_printf(b, "%s\"f:field%d\":{\"f:sub\":{}}", j ? "," : "", j);
		strbuf_puts(b, "}}");
	}
	strbuf_puts(b, "]},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"x:1\",\"env\":[");
	for (int k = 0; k < 20; k++)
		strbuf_printf(b, "%s{\"name\":\"VARIABLE_%d\",\"value\":\"some value of it %d\"}", k ? "," : "", k, k);
	strbuf_puts(b, "]}]},\"status\":{\"phase\":\"Running\",\"conditions\":[");
	for (int k = 0; k < 4; k++)
		strbuf_printf(b, "%s{\"type\":\"T%d\",\"status\":\"True\",\"lastTransitionTime\":\"2026-11-22T10:00:00Z\"}", k ? "," : "", k);
	strbuf_puts(b, "]}}}\n");
}

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * CLK_SECOND + t.tv_nsec / 1000;
}

/* The time of the server in the same thread (writing to a socket) is counted, that of making text not. */
static void thousands_of_events_a_second(void **state UNUSED)
{
	int64_t spent = 0;
	size_t bytes = 0;
	struct rusage use;
	struct strbuf b;

	set_pods("1", 0, NULL);
	start((struct kube_reflector_config){0});
	until_watching(1);
	owner.quiet = true;
	strbuf_init(&b, 64 << 20);
	for (int sent = 0; sent < LOAD_EVENTS;) {
		strbuf_reset(&b);
		for (int k = 0; k < 500; k++, sent++)
			put_real_pod(&b, sent % LOAD_PODS, sent + 2);
		bytes += b.len;
		int64_t begin = cpu_us();
		fake_stream_write(owner.api, b.data);
		fake_until(owner.api, owner.events == sent);
		spent += cpu_us() - begin;
	}
	strbuf_free(&b);
	getrusage(RUSAGE_SELF, &use);
	double rate = LOAD_EVENTS * 1e6 / (double)spent;
	print_message("%.0f events/s of %zu bytes, %.0f MB/s, at most %ld MB\n", rate, bytes / LOAD_EVENTS,
		(double)bytes / (double)spent, use.ru_maxrss / 1024);
	assert_int_equal(kube_reflector_count(owner.r), LOAD_PODS);
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(rate >= 5000);
#endif
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_in_pages_then_a_watch),
		cmocka_unit_test(half_lines_and_many_in_one),
		cmocka_unit_test(a_watch_that_ends_goes_on),
		cmocka_unit_test(what_happened_unseen_is_told_after_a_second_list),
		cmocka_unit_test(a_page_that_expired_begins_again),
		cmocka_unit_test(trouble_is_told_once_and_when_it_ends),
		cmocka_unit_test(an_unreachable_server_is_trouble_too),
		cmocka_unit_test(pauses_double_up_to_a_ceiling),
		cmocka_unit_test(one_bad_event_does_not_hide_the_others),
		cmocka_unit_test(an_error_of_the_watch_is_told),
		cmocka_unit_test(freed_while_it_waits),
		cmocka_unit_test(thousands_of_events_a_second),
		cmocka_unit_test(a_page_that_is_too_large_is_made_smaller),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
