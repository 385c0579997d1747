/*
 * Learning rates that follow the signal-to-noise ratio of CMA-ES's own updates, so that noisy or very
 * multimodal objectives are climbed with the usual population, only slower: LRA-CMA-ES, Nomura,
 * Akimoto and Ono 2023 (arXiv 2304.03473), with its constants.
 */
#pragma once
#include <stdint.h>

struct cma;
struct cma_adapt;

struct cma_adapt *cma_adapt_new(uint32_t d); /* NULL: no memory                             */
void cma_adapt_free(struct cma_adapt *a);    /* NULL is allowed                             */
/* Around one update: remembers the distribution, then replaces the step made by a part of it and
 * decomposes the covariance. */
void cma_adapt_before(struct cma_adapt *a, const struct cma *c);
void cma_adapt_after(struct cma_adapt *a, struct cma *c);
