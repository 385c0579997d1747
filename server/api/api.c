/* Which resources there are. */
#include "server/api/api.h"

#include <assert.h>
#include <stdlib.h>

void api_register(struct router *r, struct app *app)
{
	assert(r && app && app->store);
	app->router = r;
}

void api_close(struct app *app)
{
	free(app->openapi);
	app->openapi = NULL;
}
