/*
 * Runs a fuzzer over the files of a folder, with any compiler: what a fuzzer once found stays found.
 * Prints TAP. A file that breaks the target ends the program, and the test runner counts the crash.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20 };

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The file's bytes are copied to a block of exactly their size, so that a read past them is seen. */
static int replay(const char *folder, const char *name)
{
	char path[4096];
	FILE *file;
	uint8_t *data;
	size_t size;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (!file)
		return -1;
	data = malloc(INPUT_MAX);
	size = data ? fread(data, 1, INPUT_MAX, file) : 0;
	fclose(file);
	if (size > 0) {
		uint8_t *exact = realloc(data, size);
		data = exact ? exact : data;
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent **entries = NULL;
	int n = argc == 2 ? scandir(argv[1], &entries, is_visible, alphasort) : -1;
	int failed = 0;

	if (n < 0) {
		fprintf(stderr, "usage: %s FOLDER (which must be there)\n", argv[0]);
		return 2;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		int bad = replay(argv[1], entries[i]->d_name);
		printf("%s %d - %s\n", bad ? "not ok" : "ok", i + 1, entries[i]->d_name);
		fflush(stdout);
		failed |= bad;
		free(entries[i]);
	}
	free(entries);
	return failed ? 1 : 0;
}
