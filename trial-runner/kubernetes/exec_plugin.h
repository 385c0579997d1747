/*
 * Credentials from a program: client.authentication.k8s.io/v1 and v1beta1.
 *
 * One run at a time: started by exec_plugin_run(), read on the loop, ended by its exit, by its time
 * (EXEC_PLUGIN_TIME_US) or by what it prints (EXEC_PLUGIN_OUTPUT_MAX); done() comes once a run, never
 * from inside exec_plugin_run(). The program gets our environment without TRIMTAB_*, which holds
 * our own secrets, and no terminal. Of its standard error the last line is kept for the message; its
 * output is never shown.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"

struct arena;
struct exec_plugin;
struct kubeconfig;
struct kubeconfig_exec;
struct loop;

#define EXEC_PLUGIN_TIME_US (60 * INT64_C(1000000))
enum { EXEC_PLUGIN_OUTPUT_MAX = 1 << 20 };

struct exec_credential {
	const char *token;              /* or NULL                                      */
	const char *cert_pem, *key_pem; /* both or NULL                                 */
	int64_t expires_us;             /* wall clock; 0: until it is refused           */
};

/* What a plugin printed, decoded into the arena. */
bool exec_credential_read(const char *text, size_t n, const char *api_version, struct arena *a,
	struct exec_credential *out, struct err *e) MUSTCHECK;
/* KUBERNETES_EXEC_INFO; the CA is read from its file if it stands in one. */
const char *exec_plugin_info(const struct kubeconfig *config, struct arena *a, struct err *e) MUSTCHECK;

/* Either a credential, borrowed for the call, or an error. */
typedef void exec_plugin_fn(void *ctx, const struct exec_credential *c, const struct err *e);

/* `config->exec` is borrowed and outlives the plugin. */
struct exec_plugin *exec_plugin_new(struct loop *l, const struct kubeconfig *config, exec_plugin_fn *done, void *ctx);
void exec_plugin_free(struct exec_plugin *p);           /* kills a run; NULL is allowed    */
void exec_plugin_run(struct exec_plugin *p);            /* nothing to do while one runs    */
bool exec_plugin_running(const struct exec_plugin *p);
