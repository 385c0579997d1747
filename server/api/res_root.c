/* Where everything is, and how much of it may be sent at once. */
#include "server/api/res.h"
#include "server/model/metrics_in.h"
#include "server/model/spec.h"

static void links(struct json_writer *w)
{
	static const struct { const char *name, *path; } rows[] = {
		{"self", API_ROOT},
		{"experiments", API_ROOT "/experiments"},
		{"namespace", API_ROOT "/namespaces/{namespace}/experiments"},
		{"algorithms", API_ROOT "/algorithms"},
		{"earlyStopping", API_ROOT "/early-stopping"},
		{"validate", API_ROOT "/validate"},
		{"watch", API_ROOT "/watch"},
		{"tokens", API_ROOT "/tokens"},
		{"openapi", "/openapi.json"},
		{"metrics", "/metrics"},
		{"health", "/healthz"},
		{"ready", "/readyz"},
	};

	jw_object(w, "links");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		jw_str(w, rows[i].name, rows[i].path);
	jw_end(w);
}

static void limits(struct json_writer *w)
{
	static const struct { const char *name; int64_t value; } rows[] = {
		{"metricPointsPerRequest", METRICS_POINTS_MAX},
		{"metricBytesPerRequest", METRICS_BODY_MAX},
		{"documentBytes", SPEC_DOCUMENT_MAX},
		{"experimentNameLength", SPEC_NAME_MAX},
		{"parameters", SPEC_PARAMETERS_MAX},
		{"objectives", SPEC_OBJECTIVES_MAX},
		{"initialTrials", SPEC_INITIAL_TRIALS_MAX},
		{"trialsPerRequest", 1000},
		{"pageItems", PAGE_LIMIT_MAX},
	};

	jw_object(w, "limits");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		jw_int(w, rows[i].name, rows[i].value);
	jw_end(w);
}

static void root(struct http_req *req)
{
	struct json_writer *w = http_json(req);

	jw_object(w, NULL);
	jw_str(w, "name", "trimtab");
	jw_str(w, "version", api_app(req)->version);
	links(w);
	limits(w);
	jw_end(w);
	http_reply_json(req, 200);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = API_ROOT, .handler = root, .flags = ROUTE_ANY_QUERY,
		.status = 200, .answer = "Root", .id = "root", .summary = "Links, version and limits"},
};
ROUTE_TABLE(res_root, routes);

const struct json_field root_schema[] = {
	OUT("name", OUT_STRING, "trimtab"),
	OUT("version", OUT_STRING, "of the program"),
	OUT("links", OUT_OBJECT, "name -> path"),
	OUT("limits", OUT_OBJECT, "name -> number: clients split what is larger"),
	JF_END,
};
