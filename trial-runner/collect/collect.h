/*
 * trimtab-collect: in a pod it runs the trial's command as its child and reads the metrics file that
 * the command writes. What it finds it prints, marked (frames.h), to its own standard output, which is the
 * container's log: that is followed anyway, from the start if need be, and needs no way from the
 * pod to the server.
 *
 * The program must not notice: it has the same files, environment, folder and output, it gets every
 * signal, and its exit code is the container's (128 and the signal, if one ended it). As the first
 * process of the container it also takes the end of orphans.
 *
 * Statically linked, and small, since it is copied into whatever image a trial has.
 */
#pragma once
#include "trial-runner/backend.h"

/* Returns the exit code: 127 if there is no such program, 126 if it cannot be run. argv is NULL-ended. */
int collect_run(const struct run_metrics *m, const char *const *argv);
