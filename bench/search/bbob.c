#include "bench/search/problem.h"
void problems_add_bbob(struct problems *all)
{
	(void)all;
}
