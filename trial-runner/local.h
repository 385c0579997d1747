/*
 * Trials as processes of this machine.
 *
 * Each run has a folder <state>/<experiment uid>/<number>-<attempt> and a small supervisor that owns
 * the trial's processes, reads their output, keeps the timeout and writes down how it ended. The
 * supervisors do not need the server: it can be killed at any moment and the next one takes the runs
 * over from their folders. See rundir.h for what lies in a folder.
 *
 * Supervisors are forked by a launcher: this same program, executed once with a clean environment,
 * so that a start costs a fork of a small process and a trial can never see the server's secrets.
 */
#pragma once
#include "trial-runner/backend.h"

struct local_options {
	const char *state;              /* folder, made if needed (0700); shared by servers of one machine */
	const char *program;            /* executable with the __supervise command; NULL = /proc/self/exe */
	int32_t slots;                  /* trials at once; 0 = no bound                         */
	double cpus;                    /* cores to hand out; 0 = no bound                      */
	const char *const *gpus;        /* values for CUDA_VISIBLE_DEVICES ("0", "GPU-…"), NULL-ended or NULL */
	int64_t log_max;                /* bytes of output kept of a run; 0 = 64 MiB            */
};

/* NULL with *e set when the folder cannot be used or the launcher cannot be started. */
struct run_backend *local_new(struct loop *l, const struct local_options *o, run_event_fn *fn, void *ctx,
	struct err *e) MUSTCHECK;

/* The hidden sub-command `__supervise`: main() passes it everything from its own argv[1] on. */
int local_supervise(int argc, char **argv);
