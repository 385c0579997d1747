/* The data folder: listing, texts, numbers. */
#include "bench/search/files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 512, FILE_BYTES_MAX = 256 << 20, PATH_BYTES = 4096 };

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *copy_of(struct problems *all, const char *bytes, size_t n)
{
	char *copy = problems_own(all, n + 1);

	if (copy)
		memcpy(copy, bytes, n);
	return copy;
}

char **file_names(struct problems *all, const char *folder, const char *sub, const char *extension)
{
	char path[PATH_BYTES];
	char **names = problems_own(all, (FILES_MAX + 1) * sizeof(*names));
	size_t n = 0, length = strlen(extension);
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", folder, sub);
	dir = names ? opendir(path) : NULL;
	if (!dir)
		return NULL;
	for (struct dirent *e; n < FILES_MAX && (e = readdir(dir));) {
		size_t m = strlen(e->d_name);

		if (m > length + 1 && e->d_name[m - length - 1] == '.' &&
			strcmp(e->d_name + m - length, extension) == 0 &&
			(names[n] = copy_of(all, e->d_name, m - length - 1)))
			n++;
	}
	closedir(dir);
	qsort(names, n, sizeof(*names), by_name);
	return names;
}

static char *read_bytes(struct problems *all, FILE *file, size_t *n)
{
	char *bytes = NULL;
	long size;

	if (fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0 || size > FILE_BYTES_MAX)
		return NULL;
	rewind(file);
	*n = (size_t)size;
	bytes = problems_own(all, *n + 1);
	return bytes && fread(bytes, 1, *n, file) == *n ? bytes : NULL;
}

static char *read_file(struct problems *all, const char *folder, const char *sub, const char *name,
	const char *extension, size_t *n)
{
	char path[PATH_BYTES];
	char *bytes = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/%s.%s", folder, sub, name, extension);
	file = fopen(path, "rb");
	if (!file)
		return NULL;
	bytes = read_bytes(all, file, n);
	fclose(file);
	return bytes;
}

char *file_text(
	struct problems *all, const char *folder, const char *sub, const char *name, const char *extension)
{
	size_t n;

	return read_file(all, folder, sub, name, extension, &n);
}

float *file_floats(struct problems *all, const char *folder, const char *sub, const char *name, size_t *n)
{
	char *bytes = read_file(all, folder, sub, name, "f32", n);

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the files are little-endian"
#endif
	if (!bytes || *n % sizeof(float) != 0)
		return NULL;
	*n /= sizeof(float);
	return (float *)(void *)bytes; /* problems_own() aligns for every type */
}

void file_problem_name(char *out, size_t size, const char *name)
{
	snprintf(out, size, "%s", name);
	for (; *out; out++)
		if (*out == '_')
			*out = '-';
}
