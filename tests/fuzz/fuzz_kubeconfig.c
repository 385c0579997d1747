/*
 * Kubeconfig files and what exec plugins print. A first byte '{' is such a print; else the input is up to
 * three files separated by a line "%%". Whatever is taken keeps the promises of its header; whatever is
 * refused is refused with a sentence in UTF-8.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/utf8.h"
#include "trial-runner/kubernetes/exec_plugin.h"
#include "trial-runner/kubernetes/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_refusal(const struct err *e)
{
	must(e->code != ERR_OK && *e->detail && utf8_valid(e->detail, strlen(e->detail)));
}

static void check_config(const struct kubeconfig *k, struct arena *a)
{
	struct err e;

	must(k->context && k->file && k->server && strncasecmp(k->server, "http", 4) == 0);
	must(k->server[strlen(k->server) - 1] != '/');
	must(!(k->insecure && (k->ca_file || k->ca_pem)));
	must((k->cert_file || k->cert_pem) == (k->key_file || k->key_pem));
	must(!k->token || (*k->token && !strpbrk(k->token, "\r\n")));
	must(!k->exec || (k->exec->argv[0] && k->exec->env && !k->token && !k->token_file));
	if (k->exec && !k->ca_file)
		must(exec_plugin_info(k, a, &e) != NULL);
}

static void run_files(const char *at, const char *end, struct arena *a)
{
	struct kubeconfig_file files[3];
	struct kubeconfig k;
	struct err e = {0};
	size_t n = 0;

	while (n < 3) {
		const char *cut = n < 2 ? memmem(at, (size_t)(end - at), "\n%%\n", 4) : NULL;
		files[n++] = (struct kubeconfig_file){"folder/file", at, (size_t)((cut ? cut : end) - at)};
		if (!cut)
			break;
		at = cut + 4;
	}
	if (kubeconfig_resolve(files, n, NULL, a, &k, &e))
		check_config(&k, a);
	else
		check_refusal(&e);
}

static void run_credential(const char *text, size_t n, struct arena *a)
{
	struct exec_credential c;
	struct err e = {0};

	if (!exec_credential_read(text, n, "client.authentication.k8s.io/v1", a, &c, &e))
		check_refusal(&e);
	else
		must((c.token || c.cert_pem) && !c.cert_pem == !c.key_pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct arena *a = arena_new();

	if (size && text[0] == '{')
		run_credential(text, size, a);
	else
		run_files(text, text + size, a);
	arena_free(a);
	return 0;
}
