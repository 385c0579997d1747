/*
 * Structured logs: one line an event on stderr, logfmt or JSON.
 *
 *     LOG_INFO("trial started", L_STR("experiment", name), L_INT("trial", number));
 *
 * Messages are short and constant; what varies is a field. Arguments are not evaluated when the
 * level is off. Secrets are never passed in. Safe from any thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT = 0, LOG_FORMAT_JSON };

struct log_field {
	const char *key;
	enum { LOG_F_STR, LOG_F_INT, LOG_F_NUM } kind;
	union { const char *s; int64_t i; double d; };
};

void log_configure(enum log_level level, enum log_format format);
bool log_on(enum log_level level);
bool log_level_parse(const char *s, enum log_level *out);
void log_write(enum log_level level, const char *msg, const struct log_field *fields, size_t n);

#define L_STR(k, v) ((struct log_field){.key = (k), .kind = LOG_F_STR, .s = (v)})
#define L_INT(k, v) ((struct log_field){.key = (k), .kind = LOG_F_INT, .i = (v)})
#define L_NUM(k, v) ((struct log_field){.key = (k), .kind = LOG_F_NUM, .d = (v)})

#define LOG_AT_(level, msg, ...)                                                              \
	do {                                                                                      \
		if (log_on(level)) {                                                                  \
			const struct log_field log_f_[] = {{0}, ##__VA_ARGS__};                           \
			log_write((level), (msg), log_f_ + 1, sizeof log_f_ / sizeof log_f_[0] - 1);      \
		}                                                                                     \
	} while (0)
#define LOG_ERROR(msg, ...) LOG_AT_(LOG_LEVEL_ERROR, msg, ##__VA_ARGS__)
#define LOG_WARN(msg, ...) LOG_AT_(LOG_LEVEL_WARN, msg, ##__VA_ARGS__)
#define LOG_INFO(msg, ...) LOG_AT_(LOG_LEVEL_INFO, msg, ##__VA_ARGS__)
#define LOG_DEBUG(msg, ...) LOG_AT_(LOG_LEVEL_DEBUG, msg, ##__VA_ARGS__)

/* At most one line in `period_us` for each limit (a static, zeroed): true = write it now, with
 * `skipped` as the number of those left out since the last. */
struct log_limit {
	int64_t next_us;
	uint64_t skipped, pending;
};
bool log_limit_pass(struct log_limit *l, int64_t period_us);
