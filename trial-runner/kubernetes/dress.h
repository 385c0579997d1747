/*
 * An order becomes what is created for it: the object itself, the Secret with the trial's token and,
 * where the experiment wants one, the claim for checkpoints. And back: what an object of ours says of
 * itself is enough to take over its run without the order.
 *
 * All of a run have one name, that of the trial (with "-<attempt>" from the second attempt on), so that
 * a create that is repeated meets itself. All carry the labels below, and so does every pod, where the
 * kind lets them through (kinds.h). The environment goes into each container that has the primary one's
 * name; what the manifest sets there itself stays, except under our reserved names, which the document's
 * check refuses anyway. Where metrics come from a file, the command of these containers becomes an
 * argument of trimtab-collect (collect/collect.h), which an init container puts into the pod.
 *
 * Pure: no I/O, no clock. Everything made is in the arena.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "lib/json.h"
#include "trial-runner/backend.h"

struct arena;
struct kind;

#define LABEL_MANAGED_BY "app.kubernetes.io/managed-by"
#define LABEL_MANAGED_BY_US "trimtab"
#define LABEL_SELECTOR LABEL_MANAGED_BY "=" LABEL_MANAGED_BY_US
#define LABEL_EXPERIMENT "trimtab.dev/experiment"
#define LABEL_EXPERIMENT_ID "trimtab.dev/experiment-id"
#define LABEL_EXPERIMENT_UID "trimtab.dev/experiment-uid"
#define LABEL_TRIAL "trimtab.dev/trial"
#define LABEL_NUMBER "trimtab.dev/number"
#define LABEL_ATTEMPT "trimtab.dev/attempt"
#define LABEL_KATIB_EXPERIMENT "katib.kubeflow.org/experiment"
#define LABEL_KATIB_TRIAL "katib.kubeflow.org/trial"
#define ANNOTATION_RUN "trimtab.dev/run"        /* struct run_card, as JSON */

enum {
	DRESS_NAME_MAX = 64,            /* "<experiment>-<8>-<attempt>", of at most 63 characters */
	DRESS_OBJECT_MAX = 1 << 20,     /* bytes: etcd takes 1.5 MiB, the status needs room       */
};

struct dressed {
	const char *name, *ns;          /* of object and Secret                                   */
	const struct kind *kind;        /* NULL: none that we know; its plural must be asked for  */
	const char *api_version, *kind_name;
	const char *object;             /* JSON to create                                         */
	const char *secret;             /* JSON of the Secret; NULL: the order has no token       */
	const char *claim_name;         /* NULL: no claim to create                               */
	const char *claim;              /* JSON; it belongs to the experiment: that it exists is success */
};

/* "<trial>" or "<trial>-<attempt>". */
void dress_name(const char *trial, int32_t attempt, char out[DRESS_NAME_MAX]);
/* ERR_INVALID (what the manifest lacks) or ERR_TOO_LARGE; the order is then to be rejected. The image is the
 * one that has trimtab-collect. */
bool dress(const struct run_order *o, const char *collector_image, struct arena *a, struct dressed *out,
	struct err *e) MUSTCHECK;
/* The merge patch that makes `owner` (the created object) the owner of the Secret: it goes with it. */
const char *dress_owner_patch(const cJSON *owner, struct arena *a);

/* Whose is it? By the labels of an object, a pod or a Secret; false if they are not all ours. */
bool dress_key(const cJSON *object, struct run_key *out) MUSTCHECK;

/* What is needed to go on with a run whose order is gone. Borrows the tree it was read from. */
struct run_card {
	struct run_key key;
	const char *trial, *experiment, *experiment_ns;
	const char *primary_container;
	const char *const *primary_labels;      /* as in struct run_object */
	const char *const *success_when, *const *failure_when;
	bool retain;
	int64_t timeout_us, grace_us;
	struct run_metrics metrics;             /* `wanted` is not kept */
};
/* False: not an object of ours, or its annotation was damaged. */
bool card_read(const cJSON *object, struct arena *a, struct run_card *out) MUSTCHECK;
