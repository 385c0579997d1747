/*
 * `trimtab serve`: the options and the life of a server. Everything is made here, in order, and taken
 * down in reverse; nothing else knows more than its own room.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/options.h"

enum serve_runner {
	SERVE_RUNNER_AUTO,
	SERVE_RUNNER_LOCAL,
	SERVE_RUNNER_KUBERNETES,
	SERVE_RUNNER_SIMULATED,
	SERVE_RUNNER_NONE,
};

struct serve_values {
	const char *listen, *public_url, *trials_url;
	const char *database, *data_dir, *state_dir;
	int64_t connections;
	int runner;                             /* enum serve_runner */
	int64_t slots, workers, log_max;
	double cpus;
	struct option_list gpus;
	const char *kubeconfig, *context;
	double kube_rate, kube_burst;
	int64_t start_deadline_us;
	const char *collector_image;
	const char *replica;
	int64_t lease_us, drain_us;
	const char *tls_cert, *tls_key;
	bool require_tokens, insecure;
	const char *admin_token;
	int log_level, log_format;
	const char *config;
	bool print_config;
};
extern const struct option_def serve_options[];

/* Runs until SIGTERM or SIGINT; the exit code. `o` holds the parsed flags of serve_options into `v`:
 * the environment and the configuration file are read here. */
int server_run(struct options *o, struct serve_values *v);
