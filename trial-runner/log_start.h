/*
 * Where the reading of a log that is a file begins: at an offset, or so many lines before its end.
 */
#pragma once
#include <stdint.h>

#include "trial-runner/backend.h"

/* Bytes from the start. A last line without newline is a line. */
int64_t log_start(int fd, const struct run_log_query *q);
