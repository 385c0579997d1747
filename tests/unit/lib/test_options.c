#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/options.h"
#include "lib/strbuf.h"

struct values {
	const char *listen, *token, *file;
	int64_t port, timeout_us, size;
	double rate;
	bool verbose, watch, colour;
	int format;
	struct option_list set;
};

static const char *const formats[] = {"table", "json", "yaml", NULL};
static const struct option_def defs[] = {
	OPT_STRING(struct values, listen, "listen", 0, "ADDRESS", "127.0.0.1:1", "Address", .env = "T_LISTEN",
		.config = true),
	OPT_STRING(struct values, token, "token", 0, NULL, NULL, "Token", .env = "T_TOKEN", .config = true,
		.secret = true),
	OPT_PATH(struct values, file, "filename", 'f', NULL, NULL, "Document"),
	OPT_INT(struct values, port, "port", 'p', NULL, "8746", 1, 65535, "Port", .config = true),
	OPT_DURATION(
		struct values, timeout_us, "timeout", 0, NULL, "30s", 1, 3600, "Time to wait", .config = true),
	OPT_BYTES(struct values, size, "size", 0, NULL, NULL, 0, 0, "Size"),
	OPT_DOUBLE(struct values, rate, "rate", 0, NULL, "0.5", 0, 1, "Rate"),
	OPT_BOOL(struct values, verbose, "verbose", 'v', "Say more"),
	OPT_BOOL(struct values, watch, "watch", 'w', "Go on"),
	OPT_BOOL(struct values, colour, "colour", 0, "Colours", .env = "T_COLOUR"),
	OPT_ENUM(struct values, format, "output", 'o', formats, "table", "Form"),
	OPT_LIST(struct values, set, "set", 0, "PATH=VALUE", "Set a field", .config = true),
	OPT_END,
};

struct fixture {
	struct arena *arena;
	struct options o;
	struct values v;
	struct err e;
};

static struct fixture *begin(void **state)
{
	struct fixture *f = *state;

	unsetenv("T_LISTEN");
	unsetenv("T_TOKEN");
	unsetenv("T_TOKEN_FILE");
	unsetenv("T_COLOUR");
	memset(&f->v, 0, sizeof f->v);
	memset(&f->e, 0, sizeof f->e);
	options_init(&f->o, f->arena);
	options_add(&f->o, defs, &f->v);
	return f;
}

static bool parse(struct fixture *f, const char *line)
{
	char *words = arena_strdup(f->arena, line);
	char **argv = arena_calloc(f->arena, 32, sizeof *argv);
	int argc = 0;

	for (char *p = words; p && *p && argc < 31; argc++) {
		argv[argc] = p;
		p = strchr(p, ' ');
		if (p)
			*p++ = '\0';
	}
	return options_parse(&f->o, argc, argv, &f->e);
}

static void test_defaults(void **state)
{
	struct fixture *f = begin(state);

	assert_true(parse(f, ""));
	assert_string_equal(f->v.listen, "127.0.0.1:1");
	assert_int_equal(f->v.port, 8746);
	assert_int_equal(f->v.timeout_us, 30 * 1000000);
	assert_true(f->v.rate == 0.5);
	assert_null(f->v.token);
	assert_false(options_given(&f->o, "port"));
}

static void test_flags(void **state)
{
	struct fixture *f = begin(state);

	assert_true(
		parse(f, "one --listen=a:2 --port 80 -f x.yaml -vw --no-colour --set a=1 --set=b=2 -ojson two "
				 "--size=4Ki -- cmd --port=7"));
	assert_string_equal(f->v.listen, "a:2");
	assert_int_equal(f->v.port, 80);
	assert_string_equal(f->v.file, "x.yaml");
	assert_true(f->v.verbose && f->v.watch && !f->v.colour);
	assert_int_equal(f->v.format, 1);
	assert_int_equal(f->v.size, 4096);
	assert_int_equal(f->v.set.n, 2);
	assert_string_equal(f->v.set.items[1], "b=2");
	assert_int_equal(f->o.n_args, 2);
	assert_string_equal(f->o.args[1], "two");
	assert_int_equal(f->o.n_command, 2);
	assert_string_equal(f->o.command[1], "--port=7");
	assert_true(options_source(&f->o, "port") == OPTION_FROM_FLAG);
}

static void test_wrong_flags(void **state)
{
	static const struct {
		const char *line, *detail;
	} cases[] = {
		{"--port=x", "--port: 'x' is not an integer"},
		{"--port=0", "--port: 0 is not between 1 and 65535"},
		{"--port=1e2", "--port: '1e2' is not an integer"},
		{"--timeout=2h", "--timeout: 2h is not between 1 and 3600 seconds"},
		{"--timeout=soon", "--timeout: 'soon' is not a duration such as 90s, 30m, 1h30m"},
		{"--size=big", "--size: 'big' is not a size such as 512Ki, 10M, 4Gi"},
		{"--rate=nan", "--rate: 'nan' is not a number"},
		{"--rate=1.5", "--rate: 1.5 is not between 0 and 1"},
		{"--verbose=perhaps", "--verbose: 'perhaps' is neither true nor false"},
		{"--output=jsn", "--output: 'jsn' is none of table, json, yaml; did you mean json?"},
		{"--output=picture", "--output: 'picture' is none of table, json, yaml"},
		{"--prot=1", "unknown flag --prot; did you mean --port?"},
		{"--zzzzzz", "unknown flag --zzzzzz; --help lists the flags"},
		{"--no-port", "unknown flag --no-port; --help lists the flags"},
		{"-x", "unknown flag -x; --help lists the flags"},
		{"--port", "--port needs a value: --port=N"},
		{"-f", "-f needs a value: --filename=FILE"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture *f = begin(state);

		if (parse(f, cases[i].line))
			fail_msg("%s was accepted", cases[i].line);
		assert_string_equal(f->e.detail, cases[i].detail);
		assert_int_equal(f->e.code, ERR_INVALID);
	}
}

static const char *write_file(struct fixture *f, const char *text)
{
	char path[] = "/tmp/trimtab-options-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
	return arena_strdup(f->arena, path);
}

static void test_sources(void **state)
{
	struct fixture *f = begin(state);
	const char *path =
		write_file(f, "# settings\nlisten = file:1\n  port=9\ntimeout = 5s\nset = x=1\nset = y=2\n\n");

	setenv("T_LISTEN", "env:1", 1);
	assert_true(parse(f, "--port=10"));
	assert_true(options_read_env(&f->o, &f->e));
	assert_true(options_read_file(&f->o, path, &f->e));
	unlink(path);
	assert_string_equal(f->v.listen, "env:1");
	assert_int_equal(f->v.port, 10);
	assert_int_equal(f->v.timeout_us, 5 * 1000000);
	assert_int_equal(f->v.set.n, 2);
	assert_true(options_source(&f->o, "listen") == OPTION_FROM_ENV);
	assert_true(options_source(&f->o, "timeout") == OPTION_FROM_FILE);
}

static void test_stronger_list_replaces(void **state)
{
	struct fixture *f = begin(state);
	const char *path = write_file(f, "set = x=1\nset = y=2\n");

	assert_true(options_read_file(&f->o, path, &f->e));
	assert_true(parse(f, "--set=z=3"));
	unlink(path);
	assert_int_equal(f->v.set.n, 1);
	assert_string_equal(f->v.set.items[0], "z=3");
}

static void test_wrong_file(void **state)
{
	static const struct {
		const char *text, *detail;
	} cases[] = {
		{"port 9\n", "1: expected `key = value`"},
		{"\nprot = 9\n", "2: 'prot' is not a setting; did you mean port?"},
		{"filename = x\n", "1: 'filename' is not a setting"},
		{"port = many\n", "1: 'many' is not an integer"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture *f = begin(state);
		const char *path = write_file(f, cases[i].text);

		assert_false(options_read_file(&f->o, path, &f->e));
		unlink(path);
		assert_string_equal(f->e.detail + strlen(path) + 1, cases[i].detail);
	}
}

static void test_secret(void **state)
{
	struct fixture *f = begin(state);
	const char *path = write_file(f, "s3cret\n");
	struct strbuf out;

	setenv("T_TOKEN_FILE", path, 1);
	assert_true(options_read_env(&f->o, &f->e));
	unlink(path);
	assert_string_equal(f->v.token, "s3cret");
	strbuf_init(&out, 1 << 16);
	options_print_config(&f->o, &out);
	assert_null(strstr(out.data, "s3cret"));
	assert_non_null(strstr(out.data, "token = ***"));
	strbuf_free(&out);

	f = begin(state);
	setenv("T_TOKEN_FILE", "/nonexistent/token", 1);
	assert_false(options_read_env(&f->o, &f->e));
	assert_string_equal(
		f->e.detail, "T_TOKEN_FILE: /nonexistent/token cannot be read: No such file or directory");
}

static void test_printed_config_reads_back(void **state)
{
	struct fixture *f = begin(state);
	struct values first;
	struct strbuf out;
	const char *path;

	assert_true(parse(f, "--port=99 --timeout=90s --listen=b:3 --set=q=1"));
	first = f->v;
	strbuf_init(&out, 1 << 16);
	options_print_config(&f->o, &out);
	f = begin(state);
	path = write_file(f, out.data);
	strbuf_free(&out);
	if (!options_read_file(&f->o, path, &f->e))
		fail_msg("%s", f->e.detail);
	unlink(path);
	assert_int_equal(f->v.port, first.port);
	assert_int_equal(f->v.timeout_us, first.timeout_us);
	assert_string_equal(f->v.listen, first.listen);
	assert_string_equal(f->v.set.items[0], "q=1");
}

static bool take_unknown(void *ctx, const char *name, const char *value, const char *near, struct err *e)
{
	char *out = ctx;

	if (near)
		return err_set(e, ERR_INVALID, "is it %s?", near);
	snprintf(out, 64, "%s -> %s", name, value ? value : "nothing");
	return true;
}

static void test_unknown_handler(void **state)
{
	struct fixture *f = begin(state);
	char seen[64] = "";

	f->o.unknown = take_unknown;
	f->o.unknown_ctx = seen;
	assert_true(parse(f, "--learning-rate=log:1e-5..1e-1"));
	assert_string_equal(seen, "learning-rate -> log:1e-5..1e-1");
	assert_false(parse(f, "--timeuot=3s"));
	assert_string_equal(f->e.detail, "is it timeout?");
}

static void test_documents(void **state)
{
	struct fixture *f = begin(state);
	struct strbuf out;

	strbuf_init(&out, 1 << 16);
	options_help(defs, &out, 80);
	assert_non_null(strstr(out.data, "  -p, --port=N                Port (default 8746, 1 to 65535)\n"));
	assert_non_null(strstr(out.data, "  -o, --output=table|json|yaml"));
	assert_non_null(strstr(out.data, "$T_TOKEN or $T_TOKEN_FILE"));
	for (const char *line = out.data; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strcspn(line, "\n") > 80)
			fail_msg("too long: %.*s", (int)strcspn(line, "\n"), line);
	strbuf_reset(&out);
	options_man(defs, &out);
	assert_non_null(strstr(out.data, ".It Fl p , Fl -port Ns = Ns Ar N\n"));
	strbuf_reset(&out);
	options_markdown(defs, &out);
	assert_non_null(strstr(out.data, "| `-o`, `--output=table\\|json\\|yaml` | Form (default table) |\n"));
	strbuf_free(&out);
	assert_string_equal(option_usage(&defs[0], f->arena), "--listen=ADDRESS");
}

static int setup(void **state)
{
	static struct fixture f;

	f.arena = arena_new();
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	arena_free(((struct fixture *)*state)->arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_wrong_flags),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_stronger_list_replaces),
		cmocka_unit_test(test_wrong_file),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_printed_config_reads_back),
		cmocka_unit_test(test_unknown_handler),
		cmocka_unit_test(test_documents),
	};

	return cmocka_run_group_tests_name("options", tests, setup, teardown);
}
