/*
 * The folder of a run: all that a server and a supervisor ever tell each other.
 *
 *   <state>/<experiment uid>/<number>-checkpoint/   TRIMTAB_CHECKPOINT_DIR, of all attempts
 *   <state>/<experiment uid>/<number>-<attempt>/
 *     sheet.json    server      what to run, the whole environment included
 *     stop.json     server      how to stop it (SIGUSR1 to the supervisor follows)
 *     STOP          server, sv. TRIMTAB_STOP_FILE: the program should end
 *     acked         server      how far `points` is stored
 *     output        supervisor  what the program printed, stdout and stderr as they came
 *     work/         program     its working directory unless the order names one
 *     spool         program     TRIMTAB_SPOOL: points it could not deliver, NDJSON
 *     live/                     what the server watches
 *       lock        supervisor  flock held while it lives: a pid can be reused, a lock cannot
 *       claimed     supervisor  made once, under the lock, before anything runs: its pid. Whoever finds
 *                               it does not start the program, so that an attempt runs at most once
 *       started     supervisor  the program runs
 *       points      supervisor  metrics found in its output, one a line (points.h)
 *       status.json supervisor  how it ended; the last thing written
 *
 * Files that are read while they may be written are renamed into place. Nothing is synced to disk: a
 * crash of the machine ends the processes too, and the run is lost.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "trial-runner/backend.h"

struct arena;

#define RUNDIR_SHEET "sheet.json"
#define RUNDIR_STOP_ORDER "stop.json"
#define RUNDIR_STOP_FILE "STOP"
#define RUNDIR_ACKED "acked"
#define RUNDIR_OUTPUT "output"
#define RUNDIR_WORK "work"
#define RUNDIR_SPOOL "spool"
#define RUNDIR_LIVE "live"
#define RUNDIR_LOCK "live/lock"
#define RUNDIR_CLAIMED "live/claimed"
#define RUNDIR_STARTED "live/started"
#define RUNDIR_POINTS "live/points"
#define RUNDIR_STATUS "live/status.json"

/* The order as the supervisor needs it: environment and working directory are final. */
struct run_sheet {
	struct run_order order;
	const char *gpus;               /* CUDA_VISIBLE_DEVICES it was given; NULL = not managed */
	int64_t log_max;
};

struct run_status {
	bool started;                   /* false: could not be started, see reason and message   */
	bool ended_by_system;           /* the supervisor was told to go: the trial is not to blame */
	int exit_code, signal;
	bool stopped, timed_out, oom;
	const char *stop_reason, *reason, *message;
	int64_t ended_us;
};

/* "<state>/<uid>/<number>-<attempt>", in the arena. */
const char *rundir_path(struct arena *a, const char *state, const struct run_key *key);
const char *rundir_checkpoint_path(struct arena *a, const char *state, const struct run_key *key);
/* Reads "<number>-<attempt>" back. */
bool rundir_parse_name(const char *name, int32_t *number, int32_t *attempt);

/* Writes a whole file by way of a temporary one. `dir` is the folder's descriptor. */
bool rundir_write(int dir, const char *name, const void *data, size_t n, struct err *e) MUSTCHECK;
/* A whole small file, NUL-terminated, in the arena; NULL when absent, unreadable or above 8 MiB. */
char *rundir_read(int dir, const char *name, struct arena *a, size_t *n);
/* A file that is one decimal number; -1 when there is none. */
int64_t rundir_read_number(int dir, const char *name);
bool rundir_exists(int dir, const char *name);

bool rundir_write_sheet(int dir, const struct run_sheet *sheet, struct err *e) MUSTCHECK;
const struct run_sheet *rundir_read_sheet(int dir, struct arena *a);            /* NULL: none or damaged */
bool rundir_write_status(int dir, const struct run_status *status, struct err *e) MUSTCHECK;
const struct run_status *rundir_read_status(int dir, struct arena *a);
bool rundir_write_stop(int dir, const struct run_stop *stop, struct err *e) MUSTCHECK;
const struct run_stop *rundir_read_stop(int dir, struct arena *a);

/* What the lock says about the supervisor. */
enum rundir_life {
	RUNDIR_ALIVE,
	RUNDIR_OVER,                    /* claimed once, nobody there now          */
	RUNDIR_UNCLAIMED,               /* none has begun yet                      */
};
/* With `bar`, a run that none has begun is claimed here and now, so that none ever will. */
enum rundir_life rundir_life(int dir, bool bar);
