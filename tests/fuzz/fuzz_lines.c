/*
 * Any output of any program, and any pattern. The first byte chooses the format and whether names are
 * wanted; with its high bit set the first line is a pattern. What is found is a metric of the line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/regex.h"
#include "server/model/lines.h"
#include "server/model/observe.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct seen {
	bool all;
	size_t n;
};

static void point_seen(void *ctx, const struct metric_point *point)
{
	struct seen *seen = ctx;
	size_t n = strlen(point->metric);

	must(n <= METRIC_NAME_MAX && point->step >= 0);
	must(!seen->all || metric_name_valid(point->metric, n));
	must(seen->all || strcmp(point->metric, "loss") == 0 || strcmp(point->metric, "a|b") == 0);
	seen->n++;
}

static void run_pattern(const char *pattern, const char *text, size_t n)
{
	struct regex_span spans[REGEX_SPANS];
	struct regex *r = regex_new(pattern, NULL);
	size_t steps = 200000;

	if (r != NULL && regex_find(r, text, n, n / 3, spans, &steps)) {
		must(spans[0].start >= n / 3 && spans[0].start <= spans[0].end && spans[0].end <= n);
		for (size_t i = 1; i < REGEX_SPANS; i++)
			must(spans[i].start == SIZE_MAX ||
				 (spans[i].start <= spans[i].end && spans[i].end <= spans[0].end));
	}
	regex_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const wanted[] = {"loss", "a|b"};
	const char *at = (const char *)data + 1, *end = (const char *)data + size;
	char pattern[128] = "";

	if (size < 2)
		return 0;
	enum lines_format format = data[0] & 1 ? LINES_JSON : LINES_TEXT;
	struct seen seen = {.all = (data[0] & 2) != 0};
	if (data[0] & 0x80) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((newline != NULL ? newline : end) - at);
		if (n < sizeof pattern)
			memcpy(pattern, at, n);
		at = newline != NULL ? newline + 1 : end;
		run_pattern(pattern, at, (size_t)(end - at));
	}
	const char *patterns[] = {pattern};
	size_t n_patterns = pattern[0] != '\0' && line_pattern_check(pattern, NULL);
	struct line_parser *p =
		line_parser_new(format, patterns, n_patterns, seen.all ? NULL : wanted, ARRAY_LEN(wanted));
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline != NULL ? newline : end;
		seen.n = 0;
		size_t found = line_parse(p, at, (size_t)(stop - at), point_seen, &seen);
		must(found == seen.n);
		at = stop + 1;
	}
	line_parser_free(p);
	return 0;
}
