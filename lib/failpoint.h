/*
 * Named places where a test can make the process die: `TRIMTAB_FAILPOINT=name[:n]` in the
 * environment kills it (SIGKILL to itself) when the place is reached the nth time. In normal use a
 * single predictable branch.
 */
#pragma once
#include <stdbool.h>

extern bool failpoint_armed;
void failpoint_init(void);                  /* reads the environment once */
void failpoint_hit(const char *name);
#define FAILPOINT(name)                     \
	do {                                    \
		if (failpoint_armed)                \
			failpoint_hit(name);            \
	} while (0)
