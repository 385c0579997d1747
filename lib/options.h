/*
 * Options: one table a command gives the parsing, --help, the configuration file, the man page, the
 * reference and the completions.
 *
 *     struct serve_values { const char *listen; int64_t grace_us; };
 *     static const struct option_def serve_options[] = {
 *         OPT_STRING(struct serve_values, listen, "listen", 0, "ADDRESS", "127.0.0.1:8746",
 *             "Address and port to listen on", .env = "TRIMTAB_LISTEN"),
 *         OPT_END
 *     };
 *
 * A value comes from a flag, else from the environment, else from the configuration file, else it is
 * the default; the sources may be read in any order. Strings are borrowed from argv and the
 * environment or live in the arena. Every failure is ERR_INVALID with a sentence that names the flag.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"

struct arena;
struct strbuf;

enum option_type {
	OPTION_END = 0,
	OPTION_STRING,      /* const char *                                       */
	OPTION_PATH,        /* const char *, completed as a file name             */
	OPTION_INT,         /* int64_t, min..max                                  */
	OPTION_DOUBLE,      /* double, min..max                                   */
	OPTION_DURATION,    /* int64_t microseconds, min..max in seconds          */
	OPTION_BYTES,       /* int64_t, min..max                                  */
	OPTION_BOOL,        /* bool; --name, --no-name, --name=true               */
	OPTION_ENUM,        /* int: index into names                              */
	OPTION_LIST,        /* struct option_list; the flag may be repeated       */
};

struct option_list { const char **items; size_t n; };

struct option_def {
	enum option_type type;
	char letter;                    /* -f, or 0                               */
	const char *name;               /* "max-trials": --max-trials             */
	const char *metavar;            /* what stands for the value in --help    */
	const char *help;               /* one phrase, no full stop               */
	const char *dflt;               /* as text, or NULL: zero, NULL, empty    */
	const char *env;                /* environment variable, or NULL          */
	bool config;                    /* also a key of the configuration file   */
	bool secret;                    /* masked; <env>_FILE names a file with it */
	bool hidden;                    /* works, but is not advertised           */
	double min, max;                /* both 0: no limits                      */
	const char *const *names;       /* OPTION_ENUM: NULL-ended                */
	const char *complete;           /* "experiments", "algorithms", or NULL   */
	size_t offset;                  /* of the value in the command's struct   */
};

enum option_source { OPTION_FROM_DEFAULT, OPTION_FROM_FILE, OPTION_FROM_ENV, OPTION_FROM_FLAG };

enum { OPTION_TABLES_MAX = 3, OPTIONS_MAX = 96 };

struct options {
	struct arena *arena;
	struct {
		const struct option_def *defs;
		void *values;
	} tables[OPTION_TABLES_MAX];
	size_t n_tables;
	unsigned char source[OPTIONS_MAX];      /* enum option_source, in order of the tables   */
	const char **args;                      /* what is no flag, in order                    */
	size_t n_args;
	char *const *command;                   /* what follows "--"; NULL without it           */
	size_t n_command;
	/* Takes a flag that no table has, or refuses it; without this function every such flag is an
	 * error. value is NULL if none was glued to the name; near is a known name like it, or NULL. */
	bool (*unknown)(void *ctx, const char *name, const char *value, const char *near, struct err *e);
	void *unknown_ctx;
};

/* Sets every value to its default; a default that does not parse is a bug. */
void options_init(struct options *o, struct arena *a);
void options_add(struct options *o, const struct option_def *defs, void *values);

bool options_parse(struct options *o, int argc, char *const *argv, struct err *e) MUSTCHECK;
bool options_read_env(struct options *o, struct err *e) MUSTCHECK;
/* Lines `key = value`, `#` begins a comment. A list takes one item a line. */
bool options_read_file(struct options *o, const char *path, struct err *e) MUSTCHECK;

enum option_source options_source(const struct options *o, const char *name);
bool options_given(const struct options *o, const char *name);     /* not the default */

/* "--name=FILE" as a person would write it, for messages and documents. */
const char *option_usage(const struct option_def *d, struct arena *a);

void options_help(const struct option_def *defs, struct strbuf *out, unsigned width);
void options_man(const struct option_def *defs, struct strbuf *out);          /* mdoc list items    */
void options_markdown(const struct option_def *defs, struct strbuf *out);     /* table rows         */
/* `key = value` with its source in a comment; what is secret shows as ***. Reads back as a file. */
void options_print_config(const struct options *o, struct strbuf *out);

#define OPTION_(T, m, type_, name_, letter_, metavar_, dflt_, help_, ...) \
	{.type = type_, .name = name_, .letter = letter_, .metavar = metavar_, .dflt = dflt_, .help = help_, \
	 .offset = offsetof(T, m), ##__VA_ARGS__}
#define OPT_STRING(T, m, name, letter, metavar, dflt, help, ...) \
	OPTION_(T, m, OPTION_STRING, name, letter, metavar, dflt, help, ##__VA_ARGS__)
#define OPT_PATH(T, m, name, letter, metavar, dflt, help, ...) \
	OPTION_(T, m, OPTION_PATH, name, letter, metavar, dflt, help, ##__VA_ARGS__)
#define OPT_INT(T, m, name, letter, metavar, dflt, lo, hi, help, ...) \
	OPTION_(T, m, OPTION_INT, name, letter, metavar, dflt, help, .min = lo, .max = hi, ##__VA_ARGS__)
#define OPT_DOUBLE(T, m, name, letter, metavar, dflt, lo, hi, help, ...) \
	OPTION_(T, m, OPTION_DOUBLE, name, letter, metavar, dflt, help, .min = lo, .max = hi, ##__VA_ARGS__)
#define OPT_DURATION(T, m, name, letter, metavar, dflt, lo, hi, help, ...) \
	OPTION_(T, m, OPTION_DURATION, name, letter, metavar, dflt, help, .min = lo, .max = hi, ##__VA_ARGS__)
#define OPT_BYTES(T, m, name, letter, metavar, dflt, lo, hi, help, ...) \
	OPTION_(T, m, OPTION_BYTES, name, letter, metavar, dflt, help, .min = lo, .max = hi, ##__VA_ARGS__)
#define OPT_BOOL(T, m, name, letter, help, ...) \
	OPTION_(T, m, OPTION_BOOL, name, letter, NULL, NULL, help, ##__VA_ARGS__)
#define OPT_ENUM(T, m, name, letter, names_, dflt, help, ...) \
	OPTION_(T, m, OPTION_ENUM, name, letter, NULL, dflt, help, .names = names_, ##__VA_ARGS__)
#define OPT_LIST(T, m, name, letter, metavar, help, ...) \
	OPTION_(T, m, OPTION_LIST, name, letter, metavar, NULL, help, ##__VA_ARGS__)
#define OPT_END {.type = OPTION_END}
