/* The description of all of this, for programs. */
#include <assert.h>

#include "lib/strbuf.h"
#include "server/api/openapi.h"
#include "server/api/res.h"

enum { DOCUMENT_MAX = 8 << 20 };

static void openapi(struct http_req *req)
{
	struct app *app = api_app(req);

	if (!app->openapi) {
		struct strbuf text;

		strbuf_init(&text, DOCUMENT_MAX);
		openapi_write(&text, app->router, app->version);
		assert(!text.failed);
		app->openapi_len = text.len;
		app->openapi = strbuf_take(&text);
	}
	http_reply_bytes(req, 200, "application/json", app->openapi, app->openapi_len);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = "/openapi.json", .handler = openapi, .flags = ROUTE_HIDDEN | ROUTE_ANY_QUERY,
		.status = 200, .id = "openapi", .summary = "This document"},
	{.method = HTTP_GET, .path = API_ROOT "/openapi.json", .handler = openapi, .flags = ROUTE_ANY_QUERY,
		.status = 200, .answer = "OpenApi", .id = "getOpenApi", .summary = "This document"},
};
ROUTE_TABLE(res_openapi, routes);
