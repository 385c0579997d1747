/*
 * What PostgreSQL can do with nothing in front of it: the measure of our own figures.
 *
 *     bare copy CONNINFO CLIENTS ROWS FIRST_STEP    one COPY of rows as `load` reports them in batches of ten
 *     bare insert CONNINFO SECONDS FIRST_STEP       prepared single-row INSERTs, each committed
 *
 * Into core.observations of the database given. The rows of a COPY are rendered before the clock
 * starts, in the order in which the server gets them: client after client, ten points each.
 * Prints one line of JSON.
 */
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROW_BYTES = 96, CHUNK = 64 << 10, SAMPLES_MAX = 2000000, STEPS_PER_BATCH = 5 };

static const char *const metrics[] = {"loss", "accuracy"};

static void die(PGconn *db, const char *what)
{
	fprintf(stderr, "bare: %s: %s\n", what, db ? PQerrorMessage(db) : "");
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- copy -------------------------------------------------------------------------------------- */

static char *render(int clients, long rows, long long first_step, size_t *n)
{
	char *text = malloc((size_t)rows * ROW_BYTES), *to = text;
	long done = 0;

	if (!text)
		die(NULL, "memory");
	for (long long step = first_step; done < rows; step += STEPS_PER_BATCH)
		for (int c = 1; c <= clients && done < rows; c++)
			for (int i = 0; i < 2 * STEPS_PER_BATCH && done < rows; i++, done++)
				to += snprintf(to, ROW_BYTES, "1\t%d\t%s\t%lld\t0.%06ld\t2026-11-22 10:00:00.%06ld+00\n", c,
					metrics[i % 2], step + i / 2, (done * 7919) % 1000000, done % 1000000);
	*n = (size_t)(to - text);
	return text;
}

static void copy(PGconn *db, int clients, long rows, long long first_step)
{
	size_t n;
	char *text = render(clients, rows, first_step, &n);
	const double start = now();
	PGresult *r = PQexec(db, "COPY core.observations FROM STDIN");

	if (PQresultStatus(r) != PGRES_COPY_IN)
		die(db, "COPY");
	PQclear(r);
	for (size_t at = 0; at < n; at += CHUNK)
		if (PQputCopyData(db, text + at, (int)(n - at < CHUNK ? n - at : CHUNK)) != 1)
			die(db, "COPY data");
	if (PQputCopyEnd(db, NULL) != 1)
		die(db, "COPY end");
	r = PQgetResult(db);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		die(db, "COPY");
	const double seconds = now() - start;
	PQclear(r);
	free(text);
	printf("{\"rows\": %ld, \"seconds\": %.3f, \"rows_per_s\": %.1f}\n", rows, seconds, (double)rows / seconds);
}

/* ---- insert ------------------------------------------------------------------------------------ */

static int ascending(const void *a, const void *b)
{
	const double l = *(const double *)a, r = *(const double *)b;

	return (l > r) - (l < r);
}

static void insert_one(PGconn *db, long long step)
{
	char text[24];
	const char *values[] = {text};

	snprintf(text, sizeof text, "%lld", step);
	PGresult *r = PQexecPrepared(db, "one", 1, values, NULL, NULL, 0);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		die(db, "INSERT");
	PQclear(r);
}

static void insert(PGconn *db, double seconds, long long first_step)
{
	double *took = malloc(SAMPLES_MAX * sizeof *took);
	size_t n = 0;
	PGresult *r = PQprepare(db, "one",
		"INSERT INTO core.observations VALUES (2, 1, 'loss', $1, 0.412345, now())", 0, NULL);

	if (!took || PQresultStatus(r) != PGRES_COMMAND_OK)
		die(db, "prepare");
	PQclear(r);
	for (const double end = now() + seconds; now() < end && n < SAMPLES_MAX; n++) {
		const double start = now();
		insert_one(db, first_step + (long long)n);
		took[n] = (now() - start) * 1000;
	}
	qsort(took, n, sizeof *took, ascending);
	printf("{\"inserts\": %zu, \"per_s\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", n, (double)n / seconds,
		took[n / 2], took[(size_t)((double)(n - 1) * 0.99)]);
	free(took);
}

int main(int argc, char **argv)
{
	const bool is_copy = argc == 6 && strcmp(argv[1], "copy") == 0;

	if (!is_copy && !(argc == 5 && strcmp(argv[1], "insert") == 0)) {
		fprintf(stderr, "usage: bare copy CONNINFO CLIENTS ROWS FIRST_STEP | bare insert CONNINFO SECONDS FIRST_STEP\n");
		return 2;
	}
	PGconn *db = PQconnectdb(argv[2]);
	if (PQstatus(db) != CONNECTION_OK)
		die(db, "connecting");
	if (is_copy)
		copy(db, (int)strtol(argv[3], NULL, 10), strtol(argv[4], NULL, 10), strtoll(argv[5], NULL, 10));
	else
		insert(db, strtod(argv[3], NULL), strtoll(argv[4], NULL, 10));
	PQfinish(db);
	return 0;
}
