/*
 * Live early stopping, at the replica that drives the experiment.
 *
 * The stopper (algorithms/stopping/) of an experiment is memory of what the database holds: its trials and
 * every point of the first objective. A batch of reports is judged just before it is sent, and its verdicts
 * are committed with it (report.c, judge.c): so what is acknowledged is stored and judged, and a crash leaves
 * both or neither. When a commit fails, nobody knows what is stored: the stopper is built anew.
 *
 * While it is being built, reports of the experiment and its plan wait. Points that come to another replica,
 * or without a step, are committed with a note (core.unjudged); notes are looked for four times a second, and
 * taken in as reports are. A point is in memory if and only if it is stored without a note.
 *
 * A further attempt of a lost trial keeps what the earlier one reported: a step that it reports again
 * replaces the value and is not judged again. When a user brings back a trial that is over, the stopper is
 * built anew, for it does not forget an end.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algorithms/stopping/stopper.h"

struct arena;
struct control;
struct err;
struct experiment;
struct store_acks;
struct store_point;
struct store_verdict;
struct trial;

struct stopping {
	struct stopper *stopper;        /* NULL: to be built                                          */
	bool ready;                     /* it holds all that is stored                                */
	bool loading;                   /* a page of points is being read                             */
	bool loaded;                    /* all pages are in, and it is built ahead                    */
	unsigned sent;                  /* batches under way that it has judged                       */
	bool looking, look_again;       /* unjudged points are being read or settled                  */
	int32_t after_number;           /* building: points up to here are in                         */
	int64_t after_step;
};

/* stopping.c */
/* For an experiment whose document asks for it, before its trials are loaded; once. */
void stopping_open(struct experiment *x);
void stopping_close(struct experiment *x);
/* Builds the stopper if need be; false: not ready yet. */
bool stopping_ready(struct control *c, struct experiment *x);
/* A row of this trial was taken in; revived: it was over, and is not any more. */
void stopping_trial(struct control *c, struct experiment *x, struct trial *t, bool revived);
/* STOP_NOW: *out is filled. */
enum stop_outcome stopping_report(struct control *c, struct experiment *x, struct trial *t, int64_t step, double value,
	struct stop_verdict *out);
/* What is stored is no longer known: to be built anew. */
void stopping_spoil(struct control *c, struct experiment *x);
/* Takes in the points that were noted, now; several calls are as good as one. */
void stopping_catch_up(struct control *c, struct experiment *x);
void stopping_look(void *control);      /* for notes of all experiments: a timer's callback */
/* Points of the first objective of a trial that the algorithm may read, copied; *n of them, or NULL. */
const struct algo_point *stopping_curve(const struct experiment *x, int32_t number, struct arena *a, uint32_t *n);

/* judge.c */
/* What is to be done with reports of an experiment. */
enum stopping_way {
	STOPPING_NOT,                   /* its trials are not stopped for what they report            */
	STOPPING_HERE,                  /* judge them                                                 */
	STOPPING_ELSEWHERE,             /* note them for the driver                                   */
	STOPPING_WAIT,                  /* nobody can tell yet; reporter_release() will come          */
};
enum stopping_way stopping_way(struct control *c, int64_t experiment);

/* A batch that was judged. */
struct judgement {
	int64_t *epochs;                /* of the points, for the store                               */
	struct store_verdict *verdicts;
	size_t n_verdicts;
	struct judged {
		int64_t experiment, epoch;
		bool noted;                 /* some points were noted instead                             */
	} *here;                        /* experiments that were judged                               */
	size_t n_here;
};
/* Judges what there is to judge; NULL: nothing. In the arena, which must live until judge_settle(). */
struct judgement *judge_points(struct control *c, struct arena *a, const struct store_point *points, size_t n);
/* It is committed, or (acks NULL) nobody knows. Before the reports are answered. */
void judge_settle(struct control *c, const struct judgement *j, const struct store_acks *acks);

/* elsewhere.c: experiments that others drive */
struct elsewhere *elsewhere_new(void);
void elsewhere_free(struct elsewhere *e);
/* The metric whose points are to be noted, "" for none; NULL: unknown yet, it is being looked up. */
const char *elsewhere_metric(struct control *c, int64_t experiment);
