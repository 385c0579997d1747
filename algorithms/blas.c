#include "algorithms/blas.h"

/* OpenBLAS has it, and its package's headers do not declare it. */
extern void openblas_set_num_threads(int n);

void blas_use_one_thread(void)
{
	openblas_set_num_threads(1);
}
