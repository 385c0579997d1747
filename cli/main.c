/* trimtab: the server and the command line in one binary. */
#include <stdio.h>

int main(void)
{
	puts("trimtab");
	return 0;
}
