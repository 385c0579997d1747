/* The annotation by which an object says what is needed to go on with its run (dress.h). */
#pragma once
#include "trial-runner/backend.h"

struct arena;
struct kind;

/* JSON, with what the kind says in place of what the order does not. `kind` may be NULL. */
const char *card_text(const struct run_order *o, const struct kind *kind, struct arena *a);
