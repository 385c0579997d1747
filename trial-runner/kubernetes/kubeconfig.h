/*
 * Kubeconfig files: several texts in, the settings of one context out. Pure; access.h finds and reads
 * the files.
 *
 * Merged as kubectl does: of each context, cluster and user the first file that names it counts, as a
 * whole, and so does the first current-context. Relative paths are relative to the file they stand
 * in. Only what the chosen context uses is looked at closely, so a stale entry elsewhere harms
 * nothing.
 *
 * Refused by name, because going on without them would be another identity or no protection at all:
 * username and password, auth-provider, impersonation (as), both insecure-skip-tls-verify and a CA, a
 * token for a server that is spoken to in clear.
 */
#pragma once
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"

struct arena;
struct err;

enum {
	KUBECONFIG_FILES_MAX = 64,
	KUBECONFIG_SIZE_MAX = 4 << 20,  /* of one file, in bytes                    */
	KUBECONFIG_ARGS_MAX = 256,      /* of an exec plugin; of its variables, too */
};

struct kubeconfig_file {
	const char *path;               /* as it is to be shown                     */
	const char *text;
	size_t n;
};

struct kubeconfig_exec {
	const char *file;               /* where it stands, for messages            */
	const char *user;
	const char *api_version;        /* client.authentication.k8s.io/v1 or v1beta1 */
	const char *const *argv;        /* NULL-ended; a path, or a name for PATH   */
	const char *const *env;         /* "NAME=value", NULL-ended; over our own   */
	const char *hint;               /* how to install it, or NULL               */
	bool cluster_info;              /* it wants to know the cluster             */
	const cJSON *cluster_config;    /* what the cluster entry keeps for it      */
};

/* All in the arena; NULL: not said. *_pem is decoded, *_file is absolute or relative to our folder. */
struct kubeconfig {
	const char *context, *file;     /* file: where the context stands           */
	const char *ns;
	const char *server;             /* no slash at its end                      */
	const char *server_name;        /* tls-server-name                          */
	const char *proxy;
	const char *ca_file, *ca_pem;
	bool insecure;
	const char *cert_file, *cert_pem, *key_file, *key_pem;
	const char *token, *token_file; /* the file goes first                      */
	const struct kubeconfig_exec *exec;     /* only without a token             */
};

/* context NULL: the current one. ERR_INVALID with file, place, field and the next step. */
bool kubeconfig_resolve(const struct kubeconfig_file *files, size_t n, const char *context, struct arena *a,
	struct kubeconfig *out, struct err *e) MUSTCHECK;
