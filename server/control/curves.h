/* The last step known of each metric of some trials, in the order of (trial, metric). */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct arena;

struct curve {
	int32_t number;                 /* of the trial */
	char *metric;                   /* owned */
	int64_t step;
};
struct curves {
	struct curve *items;
	size_t n, cap;
};

void curves_free(struct curves *c);
int64_t *curves_step(struct curves *c, int32_t number, const char *metric);    /* 0 if it is new */
void curves_forget(struct curves *c, int32_t number);
/* {"17": {"loss": 4}}; "{}" if it were too large to be sent. */
const char *curves_json(const struct curves *c, struct arena *a);
