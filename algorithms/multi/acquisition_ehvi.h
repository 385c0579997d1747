/*
 * The logarithm of the expected hypervolume improvement of two Gaussian processes, as an acquisition
 * function: for points whose two objectives are modelled apart, larger is better in both.
 */
#pragma once
#include "algorithms/gp/acquisition.h"
#include "algorithms/multi/ehvi.h"

/* The front holds the negated values of the models' unit; models and front are borrowed. NULL: no
 * memory. Models with fantasies must have one sample; `columns` is theirs. */
struct acquisition *acquisition_ehvi(
	const struct gp *const models[2], const struct ehvi_front *front, uint32_t columns);
