/* Paths and refusals of an API server: kube_path(), api_path.h, kube_refusal_read(), _explain(). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "lib/uri.h"
#include "trial-runner/kubernetes/api_path.h"
#include "trial-runner/kubernetes/client.h"

enum { CAUSES_MAX = 16, PARTS_MAX = 8, RETRY_AFTER_MAX_S = 3600 };

/* --- paths -------------------------------------------------------------------------------------- */

/* "", "." and ".." would make it the path of something larger; with a space it is that of nothing. */
static void add_part(struct strbuf *b, const char *part)
{
	bool is_step = !*part || strcmp(part, ".") == 0 || strcmp(part, "..") == 0;

	strbuf_puts(b, is_step ? "/%20" : "/");
	uri_encode(b, part);
}

const char *kube_path(struct arena *a, const char *api_version, const char *ns, const char *resource,
	const char *name, const char *subresource)
{
	const char *slash = strchr(api_version, '/');
	struct strbuf b;

	strbuf_init(&b, SIZE_MAX);
	strbuf_puts(&b, slash ? "/apis" : "/api");
	if (slash)
		add_part(&b, arena_strndup(a, api_version, (size_t)(slash - api_version)));
	add_part(&b, slash ? slash + 1 : api_version);
	if (ns) {
		strbuf_puts(&b, "/namespaces");
		add_part(&b, ns);
	}
	if (resource)
		add_part(&b, resource);
	if (resource && name)
		add_part(&b, name);
	if (resource && name && subresource)
		add_part(&b, subresource);
	if (b.failed) /* a path cut short would be another object's, or all objects' */
		mem_die(b.len);
	const char *path = arena_strndup(a, b.data, b.len);
	strbuf_free(&b);
	return path;
}

static size_t split(const char *path, struct arena *a, const char *parts[PARTS_MAX])
{
	size_t n = 0, used = 0, end = strcspn(path, "?");

	for (size_t i = 0; i < PARTS_MAX; i++)
		parts[i] = "";
	while (used < end && n < PARTS_MAX) {
		size_t len = strcspn(path + used, "/?");
		if (len)
			parts[n++] = arena_strndup(a, path + used, len);
		used += len + (used + len < end);
	}
	return n;
}

struct api_path api_path_split(const char *path, struct arena *a)
{
	const char *parts[PARTS_MAX];
	size_t n = split(path, a, parts), at = 1;
	struct api_path p = {"", "", "", "", "", ""};

	if (strcmp(parts[0], "apis") == 0)
		p.group = parts[at++];
	else if (strcmp(parts[0], "api") != 0)
		return p;
	p.version = parts[at++];
	if (strcmp(parts[at], "namespaces") == 0 && n > at + 2) {
		p.ns = parts[at + 1];
		at += 2;
	}
	p.resource = parts[at];
	p.name = at + 1 < PARTS_MAX ? parts[at + 1] : "";
	p.subresource = at + 2 < PARTS_MAX ? parts[at + 2] : "";
	return p;
}

/* How many segments a path has tells a collection from an object: /api/v1/a, .../namespaces/n/a. */
static bool is_collection(const char *path)
{
	size_t n = 0, end = strcspn(path, "?");
	bool grouped = strncmp(path, "/apis/", 6) == 0;
	bool namespaced = false;

	for (const char *p = path; p < path + end; p++) {
		n += *p == '/';
		namespaced |= n == (grouped ? 4u : 3u) && strncmp(p, "/namespaces/", 12) == 0;
	}
	n -= grouped;
	return n == 3 || (n == 5 && namespaced);
}

const char *api_verb(const char *method, const char *path, const char *query)
{
	if (strcmp(method, "POST") == 0)
		return "create";
	if (strcmp(method, "PUT") == 0)
		return "update";
	if (strcmp(method, "PATCH") == 0)
		return "patch";
	if (strcmp(method, "DELETE") == 0)
		return is_collection(path) ? "deletecollection" : "delete";
	if (query && (strstr(query, "watch=1") || strstr(query, "watch=true")))
		return "watch";
	return is_collection(path) ? "list" : "get";
}

/* --- what the server says ------------------------------------------------------------------------ */

static const char *text_or_empty(const cJSON *v)
{
	const char *s = json_str(v);

	return s ? s : "";
}

static void read_causes(const cJSON *details, struct kube_refusal *r, struct arena *a)
{
	struct kube_cause *causes = ARENA_NEW_N(a, struct kube_cause, CAUSES_MAX);

	json_each(cause, json_get(details, "causes")) {
		if (r->n_causes == CAUSES_MAX)
			break;
		causes[r->n_causes++] = (struct kube_cause){
			.field = text_or_empty(json_get(cause, "field")),
			.reason = text_or_empty(json_get(cause, "reason")),
			.message = text_or_empty(json_get(cause, "message")),
		};
	}
	r->causes = causes;
}

static int64_t retry_after(const struct http_answer *answer, const cJSON *details)
{
	const char *header = http_answer_header(answer, "retry-after");
	int64_t seconds = 0;

	/* The form with a date is not used by API servers. */
	if ((!header || !num_parse_i64(header, strlen(header), &seconds)) &&
		!json_int(json_get(details, "retryAfterSeconds"), &seconds))
		seconds = 0;
	if (seconds < 0)
		seconds = 0;
	return (seconds > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : seconds) * CLK_SECOND;
}

/* User "system:serviceaccount:a:b" cannot create resource "jobs" in API group "batch" in the namespace "c" */
static const char *user_of(const char *message, struct arena *a)
{
	const char *user = strstr(message, "User \"");

	return user ? arena_strndup(a, user + 6, strcspn(user + 6, "\"")) : "";
}

static bool by_rights(const struct kube_refusal *r)
{
	const char *user = strstr(r->message, "User \"");

	return user && strstr(user, "\" cannot ");
}

/* Or nobody has counted yet what there is. */
static bool by_quota(const struct kube_refusal *r)
{
	return strstr(r->message, "exceeded quota") || strstr(r->message, "status unknown for quota");
}

static enum kube_refusal_kind kind_of(const struct kube_refusal *r)
{
	switch (r->code) {
	case 401:
		return KUBE_REFUSED_IDENTITY;
	case 403:
		if (by_rights(r))
			return KUBE_REFUSED_RIGHTS;
		return by_quota(r) ? KUBE_REFUSED_QUOTA : KUBE_REFUSED_POLICY;
	case 404:
		return KUBE_REFUSED_ABSENT;
	case 409:
		return strcmp(r->reason, "AlreadyExists") == 0 ? KUBE_REFUSED_EXISTS : KUBE_REFUSED_CONFLICT;
	case 410:
		return KUBE_REFUSED_GONE;
	case 400:
	case 415:
	case 422:
		return KUBE_REFUSED_INVALID;
	case 429:
		return KUBE_REFUSED_BUSY;
	default:
		return r->code >= 500 ? KUBE_REFUSED_BUSY : KUBE_REFUSED_OTHER;
	}
}

const struct kube_refusal *kube_refusal_read(const struct http_answer *answer, const cJSON *body,
	const char *method, const char *path, struct arena *a)
{
	const cJSON *details = json_get(body, "details");
	struct kube_refusal *r = ARENA_NEW(a, struct kube_refusal);
	struct api_path p = api_path_split(path, a);

	r->code = answer->status;
	r->reason = text_or_empty(json_get(body, "reason"));
	r->message = text_or_empty(json_get(body, "message"));
	r->name = text_or_empty(json_get(details, "name"));
	if (!*r->name)
		r->name = p.name;
	r->group = p.group;
	r->resource = *p.subresource ? arena_printf(a, "%s/%s", p.resource, p.subresource) : p.resource;
	r->verb = api_verb(method, path, strchr(path, '?'));
	r->ns = p.ns;
	r->user = user_of(r->message, a);
	r->retry_after_us = retry_after(answer, details);
	read_causes(details, r, a);
	r->kind = kind_of(r);
	return r;
}

/* --- for people ---------------------------------------------------------------------------------- */

static enum err_code code_of(const struct kube_refusal *r)
{
	switch (r->kind) {
	case KUBE_REFUSED_IDENTITY:
		return ERR_UNAUTHENTICATED;
	case KUBE_REFUSED_RIGHTS:
	case KUBE_REFUSED_POLICY:
		return ERR_FORBIDDEN;
	case KUBE_REFUSED_QUOTA:
		return ERR_SLOW_DOWN;
	case KUBE_REFUSED_ABSENT:
		return ERR_NOT_FOUND;
	case KUBE_REFUSED_EXISTS:
		return ERR_EXISTS;
	case KUBE_REFUSED_CONFLICT:
		return ERR_CONFLICT;
	case KUBE_REFUSED_GONE:
		return ERR_GONE;
	case KUBE_REFUSED_INVALID:
		return ERR_INVALID;
	case KUBE_REFUSED_BUSY:
		return r->code == 429 ? ERR_SLOW_DOWN : ERR_UNAVAILABLE;
	case KUBE_REFUSED_OTHER:
		break;
	}
	return ERR_UNAVAILABLE;
}

bool kube_refusal_explain(const struct kube_refusal *r, const char *source, struct err *e)
{
	const char *dot = *r->group ? "." : "", *in = *r->ns ? " in namespace " : "";

	if (r->kind == KUBE_REFUSED_RIGHTS)
		return err_set(e, code_of(r), "%.120s may not %s %s%s%s%s%.63s: bind a Role that allows it", r->user, r->verb,
			r->resource, dot, r->group, in, r->ns);
	if (r->kind == KUBE_REFUSED_IDENTITY)
		return err_set(e, code_of(r),
			"the cluster does not accept the credentials of %.160s (401 %.80s): log in again or renew them", source,
			r->message);
	if (r->kind == KUBE_REFUSED_ABSENT && !*r->name && *r->resource)
		return err_set(e, code_of(r), "the cluster has no %s%s%s%s%.63s (404): is it installed there?", r->resource, dot,
			r->group, in, r->ns);
	return err_set(e, code_of(r), "the cluster refused to %s %s%s%s%s%.63s with %d%s%s", r->verb, r->resource, dot,
		r->group, in, r->ns, r->code, *r->message ? ": " : "", r->message);
}
