#include "bench/search/memory.h"

#include <malloc.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The field of /proc/self/status, in MB. */
static double status_mb(const char *field)
{
	FILE *file = fopen("/proc/self/status", "r");
	double mb = NAN;
	char line[256];

	while (file && isnan(mb) && fgets(line, sizeof(line), file))
		if (strncmp(line, field, strlen(field)) == 0)
			mb = strtod(line + strlen(field), NULL) / 1024;
	if (file)
		fclose(file);
	return mb;
}

/* Linux: the peak begins anew at what is resident now. */
static bool forget_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "w");
	bool ok = file && fputs("5", file) >= 0;

	if (file)
		ok = fclose(file) == 0 && ok;
	return ok;
}

double memory_mark(void)
{
	malloc_trim(0);
	return forget_peak() ? status_mb("VmRSS:") : NAN;
}

double memory_peak(double mark)
{
	double peak = status_mb("VmHWM:") - mark;

	return peak < 0 ? 0 : peak;
}
