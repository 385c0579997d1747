/* A damaged points file: no line of it harms, and what is taken for a point is one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "trial-runner/points.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *line = xmalloc(n + 1);
	enum run_source source;
	struct run_point p;

	memcpy(line, data, n);
	line[n] = '\n';         /* where the reader found the end */
	if (point_decode(line, n, &source, &p) && (p.metric < line || p.metric >= line + n || !*p.metric))
		abort();
	free(line);
	return 0;
}
