/* Any body as a report: all of its points are good, or none is taken. The first byte is its form. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/problems.h"
#include "server/model/metrics_in.h"
#include "server/model/observe.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct problems *p = ARENA_NEW(a, struct problems);
	struct metrics_batch batch = {0};
	struct err e = {0};

	problems_init(p, a);
	if (size > 0) {
		enum metrics_media media = (enum metrics_media)(data[0] % 3);
		bool ok = metrics_decode((const char *)data + 1, size - 1, media, a, &batch, p, &e);
		must(ok == (e.code == ERR_OK));
		must(!ok || p->total == 0);
		must(e.code != ERR_INVALID || p->total > 0);
		must(batch.n <= METRICS_POINTS_MAX && batch.dropped >= 0);
	}
	for (size_t i = 0; i < batch.n; i++) {
		const struct metric_point *point = &batch.points[i];
		must(metric_name_valid(point->metric, strlen(point->metric)));
		must(point->step >= 0 && (point->has_step || point->step == 0));
	}
	arena_free(a);
	return 0;
}
