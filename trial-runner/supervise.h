/*
 * The supervisor: one small process per run that starts the program, reads all that it prints, finds
 * metrics in it, keeps the timeout, stops it when told, cleans up what it forked, and writes down how
 * it ended. It talks to the server by the files of rundir.h alone and lives on without it.
 *
 * Signals to it: SIGUSR1 = read stop.json; SIGTERM, SIGINT = the machine goes down, end the program.
 */
#pragma once
#include <signal.h>

/* Blocks SIGCHLD, SIGUSR1, SIGTERM, SIGINT and SIGHUP, which are read from a descriptor. */
void supervise_hold_signals(sigset_t *held);

/* Runs in a process of its own, forked with these signals held. Returns its exit code. */
int supervise(const char *folder);
