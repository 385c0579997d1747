/* Which cluster, and who we are to it: kubeconfig files, service accounts, exec plugins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/base64.h"
#include "lib/clk.h"
#include "lib/file.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/kubernetes/access.h"
#include "trial-runner/kubernetes/exec_plugin.h"
#include "trial-runner/kubernetes/kubeconfig.h"

#define PEM "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"
/* The same in base64. */
#define PEM64 "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCmFiYwotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg=="

#define HAS(text, part)                                          \
	do {                                                         \
		if (!strstr((text), (part)))                             \
			fail_msg("'%s' lacks '%s'", (text), (part));         \
	} while (0)

/* --- one file ------------------------------------------------------------------------------------ */

static const char frame[] = "apiVersion: v1\nkind: Config\ncurrent-context: dev\n"
							"contexts: [{name: dev, context: {cluster: c, user: u}}, {name: broken, context: {cluster: no}}]\n"
							"clusters: [{name: c, cluster: {%s}}]\nusers: [{name: u, user: {%s}}]\n";

static bool resolve(struct arena *a, const char *cluster, const char *user, struct kubeconfig *out, struct err *e)
{
	char text[8192];

	snprintf(text, sizeof text, frame, cluster, user);
	struct kubeconfig_file file = {"/etc/k/config", text, strlen(text)};
	return kubeconfig_resolve(&file, 1, NULL, a, out, e);
}

static void a_file_is_understood(void **state UNUSED)
{
	struct arena *a = arena_new();
	struct kubeconfig k;
	struct err e;

	if (!resolve(a,
			"server: 'https://h:6443/prefix//', certificate-authority: ca.pem, tls-server-name: kubernetes, proxy-url: 'http://p:1'",
			"client-certificate: certs/me.pem, client-key: /abs/key.pem", &k, &e))
		fail_msg("%s", e.detail);
	assert_string_equal(k.context, "dev");
	assert_string_equal(k.server, "https://h:6443/prefix");
	assert_string_equal(k.ca_file, "/etc/k/ca.pem");
	assert_string_equal(k.server_name, "kubernetes");
	assert_string_equal(k.proxy, "http://p:1");
	assert_string_equal(k.cert_file, "/etc/k/certs/me.pem");
	assert_string_equal(k.key_file, "/abs/key.pem");
	assert_null(k.token);
	assert_false(k.insecure);

	assert_true(resolve(a, "server: https://h, certificate-authority-data: " PEM64,
		"client-certificate-data: " PEM64 ", client-key-data: " PEM64 ", token: abc, tokenFile: t", &k, &e));
	assert_string_equal(k.ca_pem, PEM);
	assert_string_equal(k.cert_pem, PEM);
	assert_string_equal(k.token, "abc");
	assert_string_equal(k.token_file, "/etc/k/t");

	assert_true(resolve(a, "server: https://h, insecure-skip-tls-verify: true", "", &k, &e));
	assert_true(k.insecure);
	arena_free(a);
}

static void what_is_wrong_is_named(void **state UNUSED)
{
	static const struct { const char *cluster, *user, *sentence; } cases[] = {
		{"server: https://h", "username: me, password: hunter2", "user 'u': username: the API server takes no passwords"},
		{"server: https://h", "password: hunter2", "user 'u': password: "},
		{"server: https://h", "auth-provider: {name: gcp, config: {access-token: hunter2}}",
			"user 'u': auth-provider: is gone from Kubernetes: use an exec plugin"},
		{"server: https://h", "token: abc, as: admin", "user 'u': as: impersonation"},
		{"server: https://h", "token: 12345", "user 'u': token: must be a string"},
		{"server: https://h", "token: \"a\\nb\"", "user 'u': token: holds a line break"},
		{"server: https://h", "client-certificate: x.pem", "user 'u': client-key: is missing"},
		{"server: https://h", "client-key-data: aHVudGVyMg==", "user 'u': client-key-data: is not base64 of a PEM text"},
		{"server: https://h", "client-key-data: '%%%'", "user 'u': client-key-data: is not base64"},
		{"", "token: abc", "cluster 'c': server: is missing"},
		{"server: 'ftp://h'", "token: abc", "cluster 'c': server: must be a URL like https://host:6443"},
		{"server: 'https://me:hunter2@h'", "token: abc", "cluster 'c': server: must be a URL"},
		{"server: 'http://h:8080'", "token: abc", "cluster 'c': server: is http: a token would be sent in clear"},
		{"server: https://h, insecure-skip-tls-verify: true, certificate-authority: x", "", "cluster 'c': insecure-skip-tls-verify: "},
		{"server: https://h, insecure-skip-tls-verify: 'yes'", "", "insecure-skip-tls-verify: must be true or false"},
		{"server: https://h", "exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}",
			"exec.apiVersion: 'client.authentication.k8s.io/v1alpha1' is not"},
		{"server: https://h", "exec: {apiVersion: client.authentication.k8s.io/v1}", "exec.command: is missing"},
		{"server: https://h", "exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}",
			"exec.interactiveMode: the plugin wants to ask at a terminal"},
		{"server: https://h", "exec: {command: x, apiVersion: client.authentication.k8s.io/v1, args: [1]}",
			"exec.args: must be a list of"},
		{"server: https://h", "exec: {command: x, apiVersion: client.authentication.k8s.io/v1, env: [{name: A=B, value: c}]}",
			"exec.env: must be a list of"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct kubeconfig k;
		struct err e;
		if (resolve(a, cases[i].cluster, cases[i].user, &k, &e))
			fail_msg("case %zu (%s, %s) was taken", i, cases[i].cluster, cases[i].user);
		assert_int_equal(e.code, ERR_INVALID);
		HAS(e.detail, "/etc/k/config: ");
		HAS(e.detail, cases[i].sentence);
		assert_null(strstr(e.detail, "hunter2"));
		arena_free(a);
	}
}

static void contexts_are_chosen_and_missed(void **state UNUSED)
{
	static const char two[] = "current-context: dev\ncontexts: [{name: dev}, {name: broken, context: {cluster: no}}]\n";
	static const struct { const char *text, *context, *sentence; } cases[] = {
		{two, "prod", "there is no context 'prod'; there are: dev, broken"},
		{two, "broken", "context 'broken': cluster: there is no cluster 'no'"},
		{"contexts: [{name: a}]", NULL, "no current-context: choose one with --context or kubectl config use-context; there are: a"},
		{"kind: Deployment", NULL, "is not a kubeconfig file (kind Deployment)"},
		{"[]", NULL, "is not a kubeconfig file"},
		{"a: [", NULL, "not YAML: line 2"},
		{"", NULL, "there are: none"},
		{"a: b\n---\na: c\n", NULL, "has 2 documents instead of one"},
		{"current-context: a\ncontexts: {a: b}", NULL, "there is no context 'a'"},
		{"current-context: a\ncontexts: [{name: a, context: 3}]", NULL, "context 'a': cluster: there is no cluster ''"},
		{"current-context: a\ncontexts: [{name: a, context: {cluster: c, user: nobody}}]\n"
		 "clusters: [{name: c, cluster: {server: 'https://h'}}]",
			NULL, "context 'a': user: there is no user 'nobody'"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct kubeconfig_file file = {"f", cases[i].text, strlen(cases[i].text)};
		struct kubeconfig k;
		struct err e;
		if (kubeconfig_resolve(&file, 1, cases[i].context, a, &k, &e))
			fail_msg("case %zu was taken", i);
		HAS(e.detail, cases[i].sentence);
		arena_free(a);
	}
}

static void files_are_merged_as_kubectl_does(void **state UNUSED)
{
	static const char first[] = "current-context: x\nclusters: [{name: c, cluster: {server: 'https://first'}}]\n"
								"users: [{name: u, user: {client-certificate: a.pem, client-key: b.pem}}]\n";
	static const char second[] = "current-context: y\n"
								 "contexts: [{name: x, context: {cluster: c, user: u, namespace: n}}, {name: y, context: {cluster: d}}]\n"
								 "clusters: [{name: c, cluster: {server: 'https://second', insecure-skip-tls-verify: true}},\n"
								 "           {name: d, cluster: {server: 'https://d', certificate-authority: d.pem}}]\n"
								 "users: [{name: u, user: {token: secret}}]\n";
	struct kubeconfig_file files[] = {{"/one/f", first, sizeof first - 1}, {"/empty", "", 0}, {"/two/g", second, sizeof second - 1}};
	struct arena *a = arena_new();
	struct kubeconfig k;
	struct err e;

	assert_true(kubeconfig_resolve(files, 3, NULL, a, &k, &e));
	assert_string_equal(k.context, "x");
	assert_string_equal(k.file, "/two/g");
	assert_string_equal(k.server, "https://first"); /* as a whole: nothing of the second's */
	assert_false(k.insecure);
	assert_string_equal(k.cert_file, "/one/a.pem");
	assert_null(k.token);
	assert_string_equal(k.ns, "n");
	assert_true(kubeconfig_resolve(files, 3, "y", a, &k, &e));
	assert_string_equal(k.ca_file, "/two/d.pem");
	assert_null(k.ns);
	arena_free(a);
}

static void base64_is_strict(void **state UNUSED)
{
	static const struct { const char *text, *plain; } cases[] = {
		{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9v\nYmE=\n", "fooba"}, {"+/+/", "\xfb\xff\xbf"},
		{"Zg", NULL}, {"Zg=", NULL}, {"Zh==", NULL}, {"Zm9=", NULL}, {"Z===", NULL}, {"Zg==Zg==", NULL}, {"Zm9_", NULL},
		{"=", NULL}, {"Zm9v=", NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		size_t n;
		const char *got = base64_decode(cases[i].text, strlen(cases[i].text), a, &n);
		if (!got != !cases[i].plain || (got && (n != strlen(cases[i].plain) || strcmp(got, cases[i].plain) != 0)))
			fail_msg("'%s' was taken for '%s'", cases[i].text, got ? got : "(refused)");
		if (got && !strchr(cases[i].text, '\n'))
			assert_string_equal(base64_encode(got, n, a), cases[i].text);
		arena_free(a);
	}
}

/* Wherever memory is short: the same answer, or a sentence. */
static void short_memory_is_told(void **state UNUSED)
{
	static const char user[] = "exec: {command: ./x, apiVersion: client.authentication.k8s.io/v1, provideClusterInfo: true}";
	static const char cluster[] = "server: https://h, certificate-authority-data: " PEM64;
	static const char printed[] = "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","
								  "\"status\":{\"token\":\"t\"}}";

	for (unsigned nth = 1; nth <= 30; nth++) {
		struct arena *a = arena_new();
		struct exec_credential c;
		struct kubeconfig k;
		struct err e = {0};
		mem_fail_nth(nth);
		if (!resolve(a, cluster, user, &k, &e))
			assert_int_not_equal(e.code, ERR_OK);
		else if (!exec_plugin_info(&k, a, &e))
			assert_int_not_equal(e.code, ERR_OK);
		mem_fail_nth(nth);
		if (!exec_credential_read(printed, sizeof printed - 1, "client.authentication.k8s.io/v1", a, &c, &e))
			assert_int_not_equal(e.code, ERR_OK);
		mem_fail_nth(0);
		arena_free(a);
	}
}

/* --- finding it ---------------------------------------------------------------------------------- */

static struct place {
	struct loop *loop;
	char folder[64];
} place;

static int set_up(void **state UNUSED)
{
	place.loop = loop_new();
	snprintf(place.folder, sizeof place.folder, "/tmp/trimtab-access-XXXXXX");
	assert_non_null(mkdtemp(place.folder));
	unsetenv("KUBECONFIG");
	unsetenv("KUBERNETES_SERVICE_HOST");
	unsetenv("KUBERNETES_SERVICE_PORT");
	setenv("HOME", place.folder, 1);
	alarm(60);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	loop_free(place.loop);
	return !file_remove_tree(place.folder, NULL);
}

static const char *path_of(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", place.folder, name);
	return path;
}

static const char *put(const char *name, const char *text)
{
	const char *path = path_of(name);
	struct err e;

	if (!file_write(path, text, strlen(text), 0600, &e))
		fail_msg("%s", e.detail);
	return path;
}

#define CONFIG(context, server) \
	"current-context: " context "\ncontexts: [{name: " context ", context: {cluster: c}}]\n" \
	"clusters: [{name: c, cluster: {server: '" server "'}}]\n"

static void places_are_looked_at_in_order(void **state UNUSED)
{
	struct kube_access_options options = {0};
	struct kube_access *a;
	struct err e;

	assert_null(kube_access_new(place.loop, NULL, &e));
	HAS(e.detail, "no cluster is known");
	assert_int_equal(mkdir(path_of(".kube"), 0700), 0);
	put(".kube/config", CONFIG("home", "https://home"));
	a = kube_access_new(place.loop, NULL, &e);
	assert_string_equal(kube_access_server(a), "https://home");
	assert_string_equal(kube_access_namespace(a), "default");
	HAS(kube_access_source(a), "context home of ");
	kube_access_free(a);

	char list[600];
	snprintf(list, sizeof list, "%s::%s", path_of("absent"), put("env", CONFIG("env", "https://env")));
	setenv("KUBECONFIG", list, 1);
	a = kube_access_new(place.loop, NULL, &e);
	assert_string_equal(kube_access_server(a), "https://env");
	kube_access_free(a);

	options.kubeconfig = put("named", CONFIG("named", "https://named"));
	options.ns = "mine";
	a = kube_access_new(place.loop, &options, &e);
	assert_string_equal(kube_access_server(a), "https://named");
	assert_string_equal(kube_access_namespace(a), "mine");
	kube_access_free(a);

	options.kubeconfig = path_of("absent");
	assert_null(kube_access_new(place.loop, &options, &e));
	HAS(e.detail, "/absent: No such file");
	setenv("KUBECONFIG", path_of("absent"), 1);
	assert_null(kube_access_new(place.loop, NULL, &e));
	HAS(e.detail, "none of the files that $KUBECONFIG names exists");
}

static void a_pod_uses_its_service_account(void **state UNUSED)
{
	struct kube_access_options options = {.service_account = place.folder};
	struct kube_credentials who;
	struct kube_access *a;
	struct err e;

	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_null(kube_access_new(place.loop, &options, &e));
	HAS(e.detail, "automountServiceAccountToken");
	put("token", "first");
	put("ca.crt", PEM);
	put("namespace", "prod\n");
	a = kube_access_new(place.loop, &options, &e);
	assert_string_equal(kube_access_server(a), "https://[fd00::1]:443");
	assert_string_equal(kube_access_namespace(a), "prod");
	assert_string_equal(kube_access_source(a), "the pod's service account");
	assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_READY);
	assert_string_equal(who.token, "first");
	assert_string_equal(who.tls->ca_file, path_of("ca.crt"));
	uint32_t generation = who.generation;

	/* The kubelet changes the file: seen within a second, or at once after a 401. */
	put("token", "other");
	kube_access_refused(a, generation + 1); /* of credentials that are not these: nothing */
	assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_READY);
	assert_string_equal(who.token, "first");
	kube_access_refused(a, generation);
	assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_READY);
	assert_string_equal(who.token, "other");
	assert_true(who.generation > generation);
	kube_access_free(a);

	options.context = "dev";
	assert_null(kube_access_new(place.loop, &options, &e));
	HAS(e.detail, "--context dev needs a kubeconfig file");
}

/* --- exec plugins -------------------------------------------------------------------------------- */

static void credentials_are_decoded(void **state UNUSED)
{
#define EC(status) "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{" status "}}"
	static const struct { const char *text, *wrong, *token, *cert; int64_t expires_us; } cases[] = {
		{EC("\"token\":\"t\""), NULL, "t", NULL, 0},
		{EC("\"token\":\"t\",\"expirationTimestamp\":\"1970-01-01T00:01:00Z\""), NULL, "t", NULL, 60 * CLK_SECOND},
		{EC("\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\""), NULL, NULL, "c", 0},
		{EC("\"clientCertificateData\":\"c\""), "half of a certificate", NULL, NULL, 0},
		{EC(""), "neither status.token nor", NULL, NULL, 0},
		{EC("\"token\":\"\""), "its token is empty", NULL, NULL, 0},
		{EC("\"token\":\"hunter2\\n\""), "holds a line break", NULL, NULL, 0},
		{EC("\"token\":\"hunter2\",\"expirationTimestamp\":\"soon\""), "not a time", NULL, NULL, 0},
		{"{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\"}", "no ExecCredential of", NULL, NULL, 0},
		{"hunter2", "not JSON", NULL, NULL, 0},
		{"[]", "no ExecCredential", NULL, NULL, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct exec_credential c;
		struct err e = {0};
		bool fine = exec_credential_read(cases[i].text, strlen(cases[i].text), "client.authentication.k8s.io/v1", a, &c, &e);
		if (fine != !cases[i].wrong)
			fail_msg("case %zu: %s", i, fine ? "taken" : e.detail);
		if (cases[i].wrong) {
			HAS(e.detail, cases[i].wrong);
			assert_null(strstr(e.detail, "hunter2"));
		} else {
			assert_string_equal(c.token ? c.token : "", cases[i].token ? cases[i].token : "");
			assert_string_equal(c.cert_pem ? c.cert_pem : "", cases[i].cert ? cases[i].cert : "");
			assert_true(c.expires_us == cases[i].expires_us);
		}
		arena_free(a);
	}
}

static int changes;

static void on_change(void *ctx UNUSED)
{
	changes++;
}

/* A kubeconfig whose user is a script of this text in a file beside it. */
static struct kube_access *with_plugin(const char *script, const char *more)
{
	struct kube_access_options options = {0};
	struct kube_access *a;
	char text[2048];
	struct err e;

	assert_int_equal(chmod(put("plugin", script), 0700), 0);
	snprintf(text, sizeof text,
		"current-context: dev\ncontexts: [{name: dev, context: {cluster: c, user: u}}]\n"
		"clusters: [{name: c, cluster: {server: 'https://h:1', certificate-authority-data: " PEM64 ", extensions: [{name: "
		"client.authentication.k8s.io/exec, extension: {audience: x}}]}}]\n"
		"users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./plugin, "
		"args: [one, 'two words'], env: [{name: GREETING, value: hello}]%s}}}]\n",
		more);
	options.kubeconfig = put("config", text);
	a = kube_access_new(place.loop, &options, &e);
	if (!a)
		fail_msg("%s", e.detail);
	kube_access_on_change(a, on_change, NULL);
	changes = 0;
	return a;
}

static void until_changed(int times)
{
	int64_t end = clk_now_us() + 10 * CLK_SECOND;

	while (changes < times) {
		loop_pass(place.loop, true);
		if (clk_now_us() > end)
			fail_msg("the plugin does not end");
	}
}

#define PRINT_CREDENTIAL(status) \
	"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"status\":{" status "}}'\n"

static void a_plugin_is_run_and_its_credential_kept(void **state UNUSED)
{
	struct kube_access *a = with_plugin("#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho run >> runs\n"
										"printf '%s|%s|%s|%s|%s' \"$1\" \"$2\" \"$GREETING\" \"$TRIMTAB_SECRET\" "
										"\"$KUBERNETES_EXEC_INFO\" > seen\n"
										PRINT_CREDENTIAL("\"token\":\"from plugin\""), ", provideClusterInfo: true");
	struct kube_credentials who;
	struct arena *arena = arena_new();
	struct err e;
	size_t n;

	setenv("TRIMTAB_SECRET", "ours", 1);
	assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_PENDING);
	assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_PENDING); /* one run */
	until_changed(1);
	assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_READY);
	assert_string_equal(who.token, "from plugin");
	assert_string_equal(file_read(path_of("seen"), 65536, arena, &n, &e),
		"one|two words|hello||{\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"kind\":\"ExecCredential\",\"spec\":{"
		"\"cluster\":{\"server\":\"https://h:1\",\"certificate-authority-data\":\"" PEM64 "\",\"config\":{\"audience\":\"x\"}},"
		"\"interactive\":false}}");
	/* Refused: it is asked once more, although it gives the same. */
	kube_access_refused(a, who.generation);
	assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_PENDING);
	until_changed(2);
	assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_READY);
	assert_string_equal(file_read(path_of("runs"), 65536, arena, &n, &e), "run\nrun\n");
	unsetenv("TRIMTAB_SECRET");
	arena_free(arena);
	kube_access_free(a);
}

static void a_credential_is_renewed_before_it_runs_out(void **state UNUSED)
{
	char script[512], until[CLK_TIME_MAX];
	clk_format_time(until, clk_wall_us() + 30 * CLK_SECOND);
	snprintf(script, sizeof script,
		"#!/bin/sh\necho run >> \"$(dirname \"$0\")/runs\"\n" PRINT_CREDENTIAL(
			"\"clientCertificateData\":\"cert\",\"clientKeyData\":\"key\",\"expirationTimestamp\":\"%s\""),
		until);
	struct kube_access *a = with_plugin(script, "");
	struct kube_credentials who;
	struct err e;

	assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_PENDING);
	until_changed(1);
	/* Good for half a minute: used, and a new one is fetched meanwhile, but not at every look. */
	assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_READY);
	assert_string_equal(who.tls->cert_pem, "cert");
	assert_string_equal(who.tls->key_pem, "key");
	assert_null(who.token);
	assert_int_equal(changes, 1);
	usleep(1100000);
	assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_READY);
	until_changed(2);
	assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_READY);
	kube_access_free(a);
}

static void a_plugin_that_fails_is_told_and_rests(void **state UNUSED)
{
	static const struct { const char *script, *sentence; } cases[] = {
		{"#!/bin/sh\necho first >&2; echo 'you are not logged in' >&2; echo hunter2; exit 3\n",
			"failed with exit code 3: you are not logged in"},
		{"#!/bin/sh\nkill -9 $$\n", "was ended by signal 9"},
		{"#!/bin/sh\necho hunter2\n", "not JSON"},
		{"#!/bin/sh\nexec yes hunter2\n", "printed more than a megabyte"},
		{"#!/no/such/interpreter\n", "cannot be started: No such file or directory: ask the admin"},
		{"#!/bin/sh\n" PRINT_CREDENTIAL("\"token\":\"hunter2\",\"expirationTimestamp\":\"2001-01-01T00:00:00Z\""),
			"had already expired"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct kube_access *a = with_plugin(cases[i].script, ", installHint: ask the admin");
		struct kube_credentials who;
		struct err e = {0};
		assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_PENDING);
		until_changed(1);
		assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_FAILED);
		HAS(e.detail, cases[i].sentence);
		HAS(e.detail, "/config: ");
		assert_null(strstr(e.detail, "hunter2"));
		/* It rests for a second, then it is run again. */
		assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_FAILED);
		if (i == 0) {
			usleep(1050000);
			assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_PENDING);
			until_changed(2);
		}
		kube_access_free(a);
	}
}

static void a_run_ends_with_its_owner(void **state UNUSED)
{
	struct kube_access *a = with_plugin("#!/bin/sh\nsleep 100\n", "");
	struct kube_credentials who;
	struct err e;
	int64_t begin = clk_now_us();

	assert_int_equal(kube_access_look(a, &who, &e), KUBE_ACCESS_PENDING);
	kube_access_free(a);
	assert_true(clk_now_us() - begin < 5 * CLK_SECOND);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_understood),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(contexts_are_chosen_and_missed),
		cmocka_unit_test(files_are_merged_as_kubectl_does),
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(short_memory_is_told),
		IN_PLACE(places_are_looked_at_in_order),
		IN_PLACE(a_pod_uses_its_service_account),
		cmocka_unit_test(credentials_are_decoded),
		IN_PLACE(a_plugin_is_run_and_its_credential_kept),
		IN_PLACE(a_credential_is_renewed_before_it_runs_out),
		IN_PLACE(a_plugin_that_fails_is_told_and_rests),
		IN_PLACE(a_run_ends_with_its_owner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
