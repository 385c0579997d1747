#include "lib/failpoint.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/num.h"

bool failpoint_armed;

static const char *wanted;
static size_t wanted_len;
static atomic_llong passes_left;

void failpoint_init(void)
{
	const char *colon;
	int64_t n = 1;

	wanted = getenv("TRIMTAB_FAILPOINT");
	failpoint_armed = wanted && *wanted;
	if (!failpoint_armed)
		return;
	colon = strchr(wanted, ':');
	wanted_len = colon ? (size_t)(colon - wanted) : strlen(wanted);
	if (colon && (!num_parse_i64(colon + 1, strlen(colon + 1), &n) || n < 1))
		n = 1;
	passes_left = n;
}

void failpoint_hit(const char *name)
{
	if (strlen(name) != wanted_len || memcmp(name, wanted, wanted_len) != 0)
		return;
	if (--passes_left == 0)
		raise(SIGKILL);
}
