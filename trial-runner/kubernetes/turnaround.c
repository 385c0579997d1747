#include "trial-runner/kubernetes/turnaround.h"

#include "lib/clk.h"
#include "lib/mem.h"
#include "lib/prom.h"

/* A place that was empty for longer had nobody who waited for it. */
static const int64_t stale_us = 2 * CLK_SECOND;

void turnaround_init(struct turnaround *t, struct prom *metrics)
{
	static const double seconds[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2};

	*t = (struct turnaround){0};
	if (metrics)
		t->seconds = prom_series(prom_histogram(metrics, "trimtab_kubernetes_turnaround_seconds",
									 "From the news that a trial's program ended to the request that creates the next one",
									 NULL, seconds, ARRAY_LEN(seconds)),
			NULL);
}

void turnaround_end(struct turnaround *t, int64_t received_us)
{
	if (!t->seconds || t->n == TURNAROUND_ENDS)
		return;
	t->ends[(t->first + t->n++) % TURNAROUND_ENDS] = received_us;
}

void turnaround_create(struct turnaround *t, int64_t now_us)
{
	while (t->n > 0) {
		const int64_t took = now_us - t->ends[t->first];

		t->first = (t->first + 1) % TURNAROUND_ENDS;
		t->n--;
		if (took <= stale_us) {
			prom_observe(t->seconds, (double)took / CLK_SECOND);
			return;
		}
	}
}
