#include "trial-runner/points.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "lib/num.h"

static const char letters[] = {
	[RUN_FROM_OUTPUT] = 'o',
	[RUN_FROM_FALLBACK] = 'f',
	[RUN_FROM_SPOOL] = 's',
};

void point_encode(struct strbuf *out, enum run_source source, const struct run_point *p)
{
	char value[NUM_MAX];

	assert((size_t)source < sizeof letters);
	if (!*p->metric || strchr(p->metric, '\n') || strlen(p->metric) > POINT_LINE_MAX / 2)
		return;
	num_format(value, p->value);
	strbuf_printf(out, "%c %" PRId64 " %" PRId64 " %s %s\n", letters[source], p->time_us, p->step, value, p->metric);
}

/* The next word of the line, up to a space, which is stepped over. */
static bool word(char **at, const char *end, char **start, size_t *n)
{
	char *space = memchr(*at, ' ', (size_t)(end - *at));

	if (!space)
		return false;
	*start = *at;
	*n = (size_t)(space - *at);
	*at = space + 1;
	return true;
}

static bool source_of(char c, enum run_source *out)
{
	const char *found = memchr(letters, c, sizeof letters);

	if (found)
		*out = (enum run_source)(found - letters);
	return found != NULL;
}

bool point_decode(char *line, size_t n, enum run_source *source, struct run_point *out)
{
	const char *end = line + n;
	char *w;
	size_t len;

	if (!word(&line, end, &w, &len) || len != 1 || !source_of(*w, source))
		return false;
	if (!word(&line, end, &w, &len) || !num_parse_i64(w, len, &out->time_us))
		return false;
	if (!word(&line, end, &w, &len) || !num_parse_i64(w, len, &out->step))
		return false;
	if (!word(&line, end, &w, &len) || !num_parse(w, len, true, &out->value) || line == end)
		return false;
	line[end - line] = '\0';
	out->metric = line;
	return strlen(line) == (size_t)(end - line);
}
