/*
 * Reading the data of the benchmark: small files in folders of one data folder. Everything read
 * belongs to the list of problems; NULL: missing, damaged, or no memory.
 */
#pragma once
#include <stddef.h>

#include "bench/search/problem.h"

/* The names without their extension of the folder's files with this extension, sorted; NULL-ended. */
char **file_names(struct problems *all, const char *folder, const char *sub, const char *extension);
/* FOLDER/SUB/NAME.EXTENSION, ended by a NUL. */
char *file_text(struct problems *all, const char *folder, const char *sub, const char *name,
	const char *extension);
/* FOLDER/SUB/NAME.f32: little-endian numbers, *n of them. */
float *file_floats(struct problems *all, const char *folder, const char *sub, const char *name, size_t *n);
/* "hpobench_blood_transfusion" becomes "hpobench-blood-transfusion". */
void file_problem_name(char *out, size_t size, const char *name);
