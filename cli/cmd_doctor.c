/* trimtab doctor: is everything there that trimtab needs, and does the server answer? */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/file.h"
#include "lib/version.h"

enum { FREE_MIN_MIB = 512, SKEW_MAX_S = 5 };

struct doctor {
	struct cli *cli;
	int bad;
};

static void say(struct doctor *d, bool ok, const char *what, const char *text)
{
	printf("%-6s%-14s%s%s\n", ok ? "ok" : "WRONG", what, *text ? " " : "", text);
	d->bad += !ok;
}

static void note(const char *what, const char *text)
{
	printf("%-6s%-14s %s\n", "note", what, text);
}

static void check_postgres(struct doctor *d)
{
	const char *url = getenv("TRIMTAB_DATABASE_URL");
	glob_t found = {0};

	if (url && *url) {
		say(d, true, "database", "TRIMTAB_DATABASE_URL is set: the server uses that one");
		return;
	}
	if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0)
		say(d, true, "postgresql", found.gl_pathv[found.gl_pathc - 1]);
	else
		say(d, false, "postgresql",
			"no initdb below /usr/lib/postgresql: install postgresql, or give the server --database");
	globfree(&found);
}

static void check_disk(struct doctor *d)
{
	struct arena *a = d->cli->arena;
	const char *folder = file_home(FILE_HOME_DATA, a);
	const char *there = folder;
	struct statvfs fs;
	long mib;

	while (strrchr(there, '/') > there && !file_exists(there))
		there = arena_strndup(a, there, (size_t)(strrchr(there, '/') - there));
	if (statvfs(there, &fs) != 0) {
		say(d, false, "disk", arena_printf(a, "%s: %m", there));
		return;
	}
	mib = (long)((double)fs.f_bavail * (double)fs.f_frsize / (1024 * 1024));
	say(d, mib >= FREE_MIN_MIB, "disk", arena_printf(a, "%ld MiB free for %s", mib, folder));
	if (access(there, W_OK) != 0)
		say(d, false, "disk", arena_printf(a, "%s cannot be written: %m", there));
}

static void check_ready(struct doctor *d)
{
	struct arena *a = d->cli->arena;
	const struct request r = {.path = "/readyz", .timeout_us = 5 * CLK_SECOND};
	struct reply reply;
	struct err e = {0};
	bool ok = client_call(d->cli->client, a, &r, &reply, &e);
	const cJSON *checks = json_get(reply.json, "checks");

	say(d, ok, "ready", ok ? "the server and what it needs are ready" : e.detail);
	json_each(check, checks) {
		const char *name = json_str(json_get(check, "name")), *message = json_str(json_get(check, "message"));
		bool fine;

		if (name && json_bool(json_get(check, "ok"), &fine))
			say(d, fine, name, message ? message : fine ? "" : "does not work");
	}
}

static void check_version(struct doctor *d)
{
	struct arena *a = d->cli->arena;
	const cJSON *answer;
	struct err e = {0};
	const char *version;

	if (!client_get(d->cli->client, a, "/version", &answer, &e)) {
		say(d, false, "version", e.detail);
		return;
	}
	version = json_str(json_get(answer, "version"));
	if (!version || strcmp(version, TRIMTAB_VERSION) != 0)
		note("version", arena_printf(a, "this program is %s, the server %s", TRIMTAB_VERSION,
							version ? version : "unknown"));
	else
		say(d, true, "version", TRIMTAB_VERSION);
}

static void check_token(struct doctor *d)
{
	struct arena *a = d->cli->arena;
	const char *path = client_path(d->cli->client, a, NULL, "?limit=1");
	const cJSON *answer;
	struct err e = {0};
	bool ok = client_get(d->cli->client, a, path, &answer, &e);

	say(d, ok, "access", ok ? arena_printf(a, "namespace %s can be read", d->cli->client->ns) : e.detail);
}

static int doctor_run(struct cli *c)
{
	struct doctor d = {.cli = c};
	struct client *client = c->client;

	check_postgres(&d);
	check_disk(&d);
	if (client_ready(client, c->arena)) {
		say(&d, true, "server", client->server);
		check_ready(&d);
		check_version(&d);
		check_token(&d);
	} else if (client->named) {
		say(&d, false, "server", arena_printf(c->arena, "%s does not answer", client->server));
	} else {
		note("server", arena_printf(c->arena, "none at %s; `trimtab run` starts one, or run `trimtab serve`",
						   client->server));
	}
	return d.bad ? EXIT_OTHER : EXIT_DONE;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "Check this machine and the server",
	.about = "Exit code 1 when something is wrong.",
	.run = doctor_run,
};
