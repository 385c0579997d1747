/* Paths of the Kubernetes API taken apart: what a request is about, in Kubernetes' own words. */
#pragma once

struct arena;

/* Texts are "" where the path does not say. */
struct api_path {
	const char *group;              /* "" is the core group                        */
	const char *version;
	const char *ns;
	const char *resource, *name, *subresource;
};

/* "/apis/batch/v1/namespaces/team-a/jobs/x/status", with or without a query; escapes stay. */
struct api_path api_path_split(const char *path, struct arena *a);
/* RBAC's verb: "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection". */
const char *api_verb(const char *method, const char *path, const char *query);
