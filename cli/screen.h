/* The few lines about an experiment that are drawn again and again on a terminal. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/json.h"

struct arena;

struct screen {
	bool live, colour;
	unsigned lines;                 /* drawn last, above the cursor */
};

void screen_init(struct screen *s, bool live);
/* `running` is a list of trials. */
void screen_draw(struct screen *s, struct arena *a, const cJSON *experiment, const cJSON *running);
void screen_leave(struct screen *s);    /* what is drawn stays; the next line goes below it */

/* "cnn-lr  tpe  minimize val_loss  23/60 done  4 running  1 failed  00:41:07  eta 01:06:00" */
const char *screen_headline(struct arena *a, const cJSON *experiment);
/* "best  #17  val_loss 0.031  lr=0.00213 layers=3", or NULL without a best trial */
const char *screen_best(struct arena *a, const cJSON *experiment);
