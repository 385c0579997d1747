/*
 * OpenBLAS on the calling thread alone.
 *
 * The library starts a thread per core and splits even small products among them, where the workers
 * wait for each other by yielding: on a busy machine a decomposition of ten rows then takes seconds
 * instead of microseconds. Our matrices are small and our callers are threads already. Whoever makes
 * an object that calls BLAS, through GSL or not, calls this first.
 */
#pragma once

/* Any number of times, from any thread. */
void blas_use_one_thread(void);
