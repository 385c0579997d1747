/* Which resources there are. */
#include "server/api/api.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/loop.h"
#include "server/api/idempotent.h"
#include "server/api/res.h"

static const struct route_table *const tables[] = {
	&res_root,
	&res_experiment_new,
	&res_experiment_list,
	&res_experiment,
	&res_action,
	&res_best,
	&res_importance,
	&res_rung,
	&res_trial_list,
	&res_trial_add,
	&res_trial,
	&res_ask,
	&res_metric,
	&res_series,
	&res_log,
	&res_event,
	&res_watch,
	&res_algorithm,
	&res_token,
	&res_openapi,
	&res_problem,
	&res_health,
};

void api_register(struct router *r, struct app *app)
{
	assert(r && app && app->store && app->version);
	app->router = r;
	if (app->prom)
		app->gauges = api_gauges_new(app->prom, app->version);
	if (app->loop)
		app->sweeper = idempotent_sweep_new(app);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		router_add(r, tables[i]->rows, tables[i]->n);
}

void api_close(struct app *app)
{
	loop_timer_free(app->sweeper);
	free(app->openapi);
	free(app->gauges);
	app->sweeper = NULL;
	app->openapi = NULL;
	app->gauges = NULL;
}
