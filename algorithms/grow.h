/* Arrays that grow by doubling, for code that reports a failed allocation instead of ending. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for `need` elements in the array at *array. False, and nothing changed: no memory. */
static inline bool grow(void *array, size_t *capacity, size_t need, size_t size)
{
	void *old, *bigger;
	size_t n = *capacity ? *capacity : 16;

	if (need <= *capacity)
		return true;
	while (n < need)
		n *= 2;
	if (n > SIZE_MAX / size / 2)
		return false;
	memcpy(&old, array, sizeof(old));
	if (!(bigger = realloc(old, n * size)))
		return false;
	memcpy(array, &bigger, sizeof(bigger));
	*capacity = n;
	return true;
}
