/*
 * How long a freed place stays empty: from the bytes that tell of a program's end to the request that creates
 * the next object. Shown as trimtab_kubernetes_turnaround_seconds.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct prom;
struct prom_series;

enum { TURNAROUND_ENDS = 256 };         /* that wait for a successor; more are not counted */

struct turnaround {
	int64_t ends[TURNAROUND_ENDS];  /* a ring */
	size_t first, n;
	struct prom_series *seconds;    /* NULL: nobody counts */
};

void turnaround_init(struct turnaround *t, struct prom *metrics);
void turnaround_end(struct turnaround *t, int64_t received_us);
void turnaround_create(struct turnaround *t, int64_t now_us);
