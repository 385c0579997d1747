#include "trial-runner/log_start.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mem.h"

enum { CHUNK = 32 * 1024 };

/* Counts newlines from the end, the last byte's own aside. */
static int64_t last_lines(int fd, int64_t size, int64_t lines)
{
	char *chunk = xmalloc(CHUNK);
	int64_t at = size, result = lines == 0 ? size : 0;

	while (lines > 0 && at > 0) {
		const int64_t part = at < CHUNK ? at : CHUNK;
		const ssize_t n = pread(fd, chunk, (size_t)part, at - part);

		if (n != part)
			break;
		for (ssize_t i = n - 1; i >= 0 && lines > 0; i--) {
			const int64_t place = at - part + i;

			if (chunk[i] == '\n' && place != size - 1 && --lines == 0)
				result = place + 1;
		}
		at -= part;
	}
	free(chunk);
	return result;
}

int64_t log_start(int fd, const struct run_log_query *q)
{
	struct stat st;

	if (q->tail_lines >= 0 && fstat(fd, &st) == 0)
		return last_lines(fd, st.st_size, q->tail_lines);
	return q->offset > 0 ? q->offset : 0;
}
