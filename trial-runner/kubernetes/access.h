/*
 * Which cluster, and who we are to it.
 *
 * kube_access_new() finds the cluster as kubectl does: the kubeconfig file that is named, else those
 * of $KUBECONFIG (merged), else ~/.kube/config, else the service account of the pod we run in. It
 * reads files and may say at once what is wrong; it never runs a program and never asks the network.
 *
 * Credentials are looked at before each request: kube_access_look() reads a token file again when it
 * has changed, and starts the user's exec plugin when what it gave has run out (shortly before, if
 * it says when). It never blocks: while a plugin runs the answer is KUBE_ACCESS_PENDING, and
 * on_change() tells from the loop that it is worth looking again. After a failure the plugin rests
 * for a while that doubles, so that looking is always cheap.
 *
 * Nothing here logs or puts into a message what is secret: tokens, keys, the output of plugins.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "lib/http_client.h"

struct loop;
struct kube_access;

struct kube_access_options {
	const char *kubeconfig;         /* one file; NULL: as kubectl looks for it               */
	const char *context;            /* NULL: the file's current-context                      */
	const char *ns;                 /* NULL: the context's, the service account's, "default" */
	const char *service_account;    /* its folder; NULL: where Kubernetes mounts it (tests)  */
};

/* NULL with a sentence that names the file, the context, the field and the next step. */
struct kube_access *kube_access_new(struct loop *l, const struct kube_access_options *options,
	struct err *e) MUSTCHECK;
void kube_access_free(struct kube_access *a);

const char *kube_access_server(const struct kube_access *a);      /* "https://host:6443", no slash at the end */
const char *kube_access_namespace(const struct kube_access *a);
/* "context dev of ~/.kube/config" or "the pod's service account": for messages. */
const char *kube_access_source(const struct kube_access *a);

struct kube_credentials {
	const struct http_tls *tls;
	const char *proxy;              /* NULL: what the environment says                       */
	const char *token;              /* NULL: the certificate alone                           */
	uint32_t generation;            /* rises when token or certificate become others         */
};

enum kube_access_state {
	KUBE_ACCESS_READY,              /* *out is filled, borrowed until the next look          */
	KUBE_ACCESS_PENDING,            /* on_change() will come                                 */
	KUBE_ACCESS_FAILED,             /* *e says why; it is tried again when looked at later   */
};
enum kube_access_state kube_access_look(struct kube_access *a, struct kube_credentials *out,
	struct err *e) MUSTCHECK;

/* The server answered 401 to credentials of this generation: they are read or obtained again at
 * the next look, unless that has happened since. */
void kube_access_refused(struct kube_access *a, uint32_t generation);

/* One listener, called from the loop: PENDING has ended. */
void kube_access_on_change(struct kube_access *a, void (*fn)(void *ctx), void *ctx);
