/* What tests look at: which statements have run, and whom to kill. */
#pragma once
#include <stdint.h>

struct store;

uint64_t store_executed(const struct store *s, unsigned stmt);
/* Backend of the ith connection; of the listening one for i = connections. 0 = not connected. */
int store_backend_pid(const struct store *s, unsigned i);
