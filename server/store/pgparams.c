#include "server/store/pgparams.h"

#include <arpa/inet.h>
#include <assert.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/arena.h"
#include "lib/strbuf.h"
#include "server/store/pgconnect.h"

static void set(struct pg_params *p, const char *keyword, const char *value)
{
	for (int i = 0; i < p->n; i++) {
		if (strcmp(p->keywords[i], keyword) == 0) {
			p->values[i] = value;
			return;
		}
	}
	assert(p->n < PG_PARAMS_MAX);
	p->keywords[p->n] = keyword;
	p->values[p->n++] = value;
}

const char *pg_params_get(const struct pg_params *p, const char *keyword)
{
	for (int i = 0; i < p->n; i++) {
		if (strcmp(p->keywords[i], keyword) == 0)
			return p->values[i];
	}
	return NULL;
}

static void set_default(struct pg_params *p, const char *keyword, const char *value)
{
	if (!pg_params_get(p, keyword))
		set(p, keyword, value);
}

/* Only settings that pgbouncer lets through may stand here; timeouts are set by a statement later. */
static void set_defaults(struct pg_params *p, const char *application)
{
	const char *host = getenv("PGHOST"), *port = getenv("PGPORT");
	if (host && *host && !pg_params_get(p, "hostaddr"))
		set_default(p, "host", arena_strdup(p->arena, host));
	if (port && *port)
		set_default(p, "port", arena_strdup(p->arena, port));
	set_default(p, "connect_timeout", ERR_STR(10));
	set_default(p, "keepalives_idle", "30");
	set_default(p, "keepalives_interval", "5");
	set_default(p, "keepalives_count", "4");
	set_default(p, "tcp_user_timeout", "30000");
	set_default(p, "application_name", arena_strdup(p->arena, application));
	set(p, "client_encoding", "UTF8");
}

bool pg_params_parse(struct pg_params *p, const char *conninfo, const char *application, struct err *e)
{
	*p = (struct pg_params){0};
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &message);
	if (!options) {
		if (message)
			message[strcspn(message, "\n")] = '\0';
		err_set(
			e, ERR_INVALID, "the database address cannot be read: %s", message ? message : "out of memory");
		PQfreemem(message);
		return false;
	}
	p->arena = arena_new();
	for (PQconninfoOption *o = options; o->keyword; o++) {
		if (o->val)
			set(p, arena_strdup(p->arena, o->keyword), arena_strdup(p->arena, o->val));
	}
	PQconninfoFree(options);
	set_defaults(p, application);
	return true;
}

void pg_params_free(struct pg_params *p)
{
	arena_free(p->arena);
	*p = (struct pg_params){0};
}

/* The nth item of a list with commas; an empty or missing list has empty items. */
static const char *list_item(struct arena *a, const char *list, unsigned n)
{
	if (!list)
		return "";
	while (n-- > 0) {
		list += strcspn(list, ",");
		if (*list == '\0')
			return "";
		list++;
	}
	return arena_strndup(a, list, strcspn(list, ","));
}

static unsigned list_length(const char *list)
{
	unsigned n = 1;
	for (; list && *list; list++)
		n += *list == ',';
	return n;
}

static bool is_name(const char *host)
{
	struct in6_addr any;
	return host[0] != '\0' && host[0] != '/' && host[0] != '@' && inet_pton(AF_INET, host, &any) != 1 &&
	       inet_pton(AF_INET6, host, &any) != 1;
}

bool pg_params_need_resolving(const struct pg_params *p)
{
	const char *hosts = pg_params_get(p, "host"), *addresses = pg_params_get(p, "hostaddr");
	if (!hosts || (addresses && *addresses))
		return false;
	bool name = false;
	struct arena *a = arena_new();
	for (unsigned i = 0; i < list_length(hosts); i++)
		name |= is_name(list_item(a, hosts, i));
	arena_free(a);
	return name;
}

struct lists {
	struct strbuf host, address, port;
};

static void add(struct lists *l, const char *host, const char *address, const char *port)
{
	const char *comma = l->host.len > 0 ? "," : "";
	strbuf_printf(&l->host, "%s%s", comma, host);
	strbuf_printf(&l->address, "%s%s", comma, address);
	strbuf_printf(&l->port, "%s%s", comma, port);
}

static bool add_addresses(struct lists *l, const char *host, const char *port, struct err *e)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *all = NULL;
	int rc = getaddrinfo(host, NULL, &hints, &all);
	if (rc != 0)
		return err_set(
			e, ERR_UNAVAILABLE, "the database's host '%s' cannot be found: %s", host, gai_strerror(rc));
	for (struct addrinfo *i = all; i; i = i->ai_next) {
		char text[NI_MAXHOST];
		if (getnameinfo(i->ai_addr, i->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0)
			add(l, host, text, port);
	}
	freeaddrinfo(all);
	return true;
}

bool pg_params_resolve(struct pg_params *p, struct err *e)
{
	const char *hosts = pg_params_get(p, "host"), *ports = pg_params_get(p, "port");
	assert(hosts);
	struct lists l;
	strbuf_init(&l.host, 1 << 16);
	strbuf_init(&l.address, 1 << 16);
	strbuf_init(&l.port, 1 << 16);
	for (unsigned i = 0; i < list_length(hosts); i++) {
		const char *host = list_item(p->arena, hosts, i);
		/* One port may stand for all hosts. */
		const char *port = list_item(p->arena, ports, list_length(ports) > 1 ? i : 0);
		if (is_name(host))
			(void)!add_addresses(&l, host, port, e);
		else
			add(&l, host, "", port);
	}
	bool ok = l.host.len > 0; /* else *e says what was wrong with the last one */
	if (ok) {
		set(p, "host", arena_strdup(p->arena, l.host.data));
		set(p, "hostaddr", arena_strdup(p->arena, l.address.data));
		set(p, "port", arena_strdup(p->arena, l.port.data));
	}
	strbuf_free(&l.host);
	strbuf_free(&l.address);
	strbuf_free(&l.port);
	return ok;
}
