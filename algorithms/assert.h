/*
 * Assertions of a library that must not end its process: checked in debug and sanitized builds,
 * absent from the release build, where the archive calls neither abort() nor exit().
 */
#pragma once

#ifdef TRIMTAB_DEBUG
#include <assert.h>
#define ALGO_ASSERT(condition) assert(condition)
#else
#define ALGO_ASSERT(condition) ((void)sizeof((condition) ? 1 : 0))
#endif
