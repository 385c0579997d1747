/*
 * The kinds of Kubernetes objects that trials are made of, as far as trimtab knows them: how one tells
 * that it has succeeded, where its pods get their labels and variables from, and which of its pods is
 * the one that trains. Job and the kinds of Kubeflow's training operator, Trainer, JobSet, KubeRay,
 * the Spark operator, Argo Workflows and Tekton; of any other kind the document says it.
 *
 * Most kinds hold whole pod templates, which are found by their form ("template" with a spec that has
 * containers), wherever they are. The pointers here are for what has none, or not only.
 */
#pragma once
#include <stdbool.h>

enum { KIND_WAYS = 4 };

struct kind_label { const char *name, *value; };

struct kind {
	const char *group;                      /* of the apiVersion, "batch"; with a version: only that one */
	const char *kind;                       /* "Job"                                         */
	const char *plural;                     /* in the path of a request: "jobs"              */
	const char *success[KIND_WAYS + 1];     /* gjson.h: any of them, NULL-ended              */
	const char *failure[KIND_WAYS + 1];
	struct kind_label primary[KIND_WAYS];   /* pods that train, and whose log is read; none = all */
	const char *container;                  /* the primary one unless the document names it; or NULL */
	const char *labels[KIND_WAYS];          /* pointers of maps: labels of its pods          */
	const char *env[KIND_WAYS];             /* pointers of lists: environment of the primary container */
	const char *pod_name_label;             /* its pods do not get our labels; this one of theirs holds
											 * the object's name. NULL: they do              */
	bool bare_containers;                   /* its "templates" have one "container" or "script" each, which
											 * runs as the primary one                       */
	bool env_everywhere;                    /* the program runs in any container, not the one that is read */
};

/* NULL if it is not one of them. apiVersion is "group/version". */
const struct kind *kind_find(const char *api_version, const char *kind);
bool kind_is_job(const struct kind *k);
/* All of them, ended by a kind of NULL. */
extern const struct kind kinds[];
