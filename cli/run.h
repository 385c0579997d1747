/* What `trimtab run` was asked for, shared by its files. */
#pragma once
#include "cli/command.h"
#include "cli/documents.h"
#include "cli/result.h"

enum { RUN_PARAMETERS_MAX = 200 };

struct run_values {
	struct document_values document;
	const char *spec;
	struct option_list minimize, maximize, early_stopping, env, labels;
	double goal;
	const char *algorithm, *fidelity, *working_directory, *metrics_file, *runner;
	int64_t seed, max_trials, parallel, max_failed, max_duration_us, trial_timeout_us, timeout_us;
	int output, on_interrupt;
	bool attach;
	struct result_files files;
	/* Flags that are parameters, in order. */
	struct { const char *name, *space; } parameters[RUN_PARAMETERS_MAX];
	size_t n_parameters;
};

/* The document that `run --lr=... --minimize loss -- command` stands for. */
bool run_document(struct cli *c, const struct run_values *v, struct document *out, struct err *e) MUSTCHECK;

/*
 * A server of our own, when none answers at the default address. It is `trimtab serve` in a session of
 * its own, so that Ctrl-C does not reach it; its log is a file.
 */
struct own_server {
	int pid;                        /* 0: none was started */
	const char *log;
};
/* `runner` is what runs its trials; NULL: what it takes by itself. */
bool own_server_start(struct cli *c, struct own_server *s, const char *runner, struct err *e) MUSTCHECK;
void own_server_stop(struct own_server *s);     /* waits for it */
