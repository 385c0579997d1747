/*
 * Trials as Kubernetes objects: a Job each by default, or whatever the experiment's manifest says.
 *
 * A run is one object with a name that its trial and attempt decide, so that whoever creates it twice
 * meets the first. What becomes of it is learned from watches of the objects and of their pods, one of
 * each for a namespace; its log is followed and kept in a file. Everything that is needed to go on with
 * a run stands on the object itself, so any server that shares the database can take it over.
 *
 * The object is deleted when the end of the trial is in the database, unless the experiment keeps it.
 * run.h tells the states of a run.
 */
#pragma once
#include <stdint.h>

#include "trial-runner/backend.h"

struct kube_access;
struct prom;

struct kubernetes_options {
	struct kube_access *access;     /* taken, also on failure             */
	const char *state;              /* folder of the logs, made if it is not there */
	int64_t log_max;                /* bytes kept of one log; 0: 64 MiB   */
	const char *collector_image;    /* which has trimtab-collect, for metrics from files */
	double rate, burst;             /* requests a second, at once; 0: the client's own */
	int64_t start_deadline_us;      /* a pod may wait so long for a node or an image; 0: 10 min */
	struct prom *metrics;           /* or NULL                            */
};

/* Never asks the cluster: that it cannot be reached shows in the trials that wait for it. */
struct run_backend *kubernetes_new(struct loop *loop, const struct kubernetes_options *o, run_event_fn *fn,
	void *ctx, struct err *e) MUSTCHECK;
