/*
 * The folder of a run: all that a server and a supervisor ever tell each other.
 *
 *   <state>/<experiment uid>/<number>-checkpoint/   TRIMTAB_CHECKPOINT_DIR, of all attempts and of
 *                                                   the trials that go on from this one's rung
 *   <state>/<experiment uid>/<number>-<attempt>/    watched by the server
 *     sheet.json    server      what to run, the whole environment included
 *     stop.json     server      how to stop it (SIGUSR1 to the supervisor follows)
 *     acked         server      how far `points` is stored
 *     journal       supervisor  a line of JSON each when it is claimed, started, ended
 *     points        supervisor  metrics found in its output, one a line (points.h)
 *     output        supervisor  what the program printed, stdout and stderr as they came
 *     STOP          supervisor  TRIMTAB_STOP_FILE: the program should end
 *     spool         program     TRIMTAB_SPOOL: points it could not deliver, NDJSON
 *     work/         program     its working directory unless the order names one
 *
 * The journal is also the lock. It appears under its name with its first line in it and the
 * supervisor's flock on it, and it can appear only once: so an attempt's program is started at most
 * once, and who holds the lock is alive (a pid can be reused, a lock cannot). A line counts when its
 * newline is there. Other files that are read while they may be written are renamed into place.
 *
 * Watching: every file but `output` is closed when something was written to it, so that the server
 * hears of points, journal and nothing else. Nothing is synced to disk: a crash of the machine
 * ends the processes too, and the run is lost.
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
#define RUNDIR_JOURNAL "journal"
#define RUNDIR_POINTS "points"
#define RUNDIR_OUTPUT "output"
#define RUNDIR_WORK "work"
#define RUNDIR_SPOOL "spool"

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

struct run_journal {
	int64_t supervisor;             /* pid; 0 = barred, see rundir_life() */
	bool pid_is_ours;               /* it counts in this process's PID namespace, not another container's */
	int64_t started_us;             /* wall clock; 0 = the program does not run yet, or never did */
	const struct run_status *status;        /* NULL = not ended */
};

/* "<state>/<uid>/<number>-<attempt>", in the arena. */
const char *rundir_path(struct arena *a, const char *state, const struct run_key *key);
const char *rundir_checkpoint_path(struct arena *a, const char *state, const struct run_key *key);
/* Reads "<number>-<attempt>" back. */
bool rundir_parse_name(const char *name, int32_t *number, int32_t *attempt);

/* Writes a whole file by way of a temporary one. `dir` is the folder's descriptor. */
bool rundir_write(int dir, const char *name, const void *data, size_t n, struct err *e) MUSTCHECK;
/* Writes at *at, which then moves on, and closes; false when not all of it could be written. */
bool rundir_append(int dir, const char *name, int64_t *at, const void *data, size_t n) MUSTCHECK;
/* A whole small file, NUL-terminated, in the arena; NULL when absent, unreadable or above 8 MiB. */
char *rundir_read(int dir, const char *name, struct arena *a, size_t *n);
/* A file that is one decimal number; -1 when there is none. */
int64_t rundir_read_number(int dir, const char *name);
bool rundir_exists(int dir, const char *name);

bool rundir_write_sheet(int dir, const struct run_sheet *sheet, struct err *e) MUSTCHECK;
const struct run_sheet *rundir_read_sheet(int dir, struct arena *a);            /* NULL: none or damaged */
/* NULL when there is none. */
const struct run_journal *rundir_read_journal(int dir, struct arena *a);
bool rundir_write_stop(int dir, const struct run_stop *stop, struct err *e) MUSTCHECK;
const struct run_stop *rundir_read_stop(int dir, struct arena *a);

/* "pid:[4026531836]" */
enum { RUNDIR_NAMESPACE_MAX = 48 };
void rundir_pid_namespace(char out[RUNDIR_NAMESPACE_MAX]);

/* Makes the journal, in the name of this process, which holds its lock by the descriptor returned until
 * it closes it or dies. -1: somebody else did, or the folder cannot be written. */
int rundir_claim(int dir) MUSTCHECK;
/* Adds a line after the first *at bytes, which then moves on. False (the disk is full): try again. */
bool rundir_note_started(int dir, int64_t *at, int64_t wall_us) MUSTCHECK;
bool rundir_note_ended(int dir, int64_t *at, const struct run_status *status) MUSTCHECK;

/* What the lock says about the supervisor. */
enum rundir_life {
	RUNDIR_ALIVE,
	RUNDIR_OVER,                    /* claimed once, nobody there now          */
	RUNDIR_UNCLAIMED,               /* none has begun yet                      */
};
/* With `bar`, a run that none has begun is claimed here and now, so that none ever will. */
enum rundir_life rundir_life(int dir, bool bar);
