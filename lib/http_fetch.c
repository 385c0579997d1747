/* Requests that block, and lines of a stream: for the command line. */
#include <stdlib.h>
#include <string.h>

#include "lib/http_client.h"
#include "lib/http_exchange.h"
#include "lib/mem.h"

struct http_session {
	CURL *easy;
};

struct http_session *http_session_new(void)
{
	struct http_session *s = xcalloc(1, sizeof *s);
	http_client_global_init();
	s->easy = curl_easy_init();
	if (!s->easy)
		abort();
	return s;
}

void http_session_free(struct http_session *s)
{
	if (!s)
		return;
	curl_easy_cleanup(s->easy);
	free(s);
}

bool http_fetch(struct http_session *session, const struct http_call *call, struct arena *arena,
	struct http_answer *answer, struct err *e)
{
	struct http_session *own = session ? NULL : http_session_new();
	struct http_exchange x;
	bool fine = http_exchange_begin(&x, session ? session->easy : own->easy, arena, call, NULL, e);
	if (fine)
		fine = http_exchange_end(&x, curl_easy_perform(x.easy), answer, e);
	http_exchange_free(&x);
	http_session_free(own);
	return fine;
}

/* --- lines ---------------------------------------------------------------------------------- */

enum { LINE_DEFAULT = 1 << 20 };

static bool keep_rest(struct http_lines *l, const char *p, size_t n)
{
	if (n > (l->max ? l->max : LINE_DEFAULT) - l->len_)
		return false;
	if (l->len_ + n > l->cap_) {
		size_t cap = l->cap_ ? 2 * l->cap_ : 4096;
		l->cap_ = cap > l->len_ + n ? cap : l->len_ + n;
		l->buf_ = xreallocarray(l->buf_, l->cap_, 1);
	}
	memcpy(l->buf_ + l->len_, p, n);
	l->len_ += n;
	return true;
}

static bool emit(struct http_lines *l, const char *p, size_t n)
{
	if (n && p[n - 1] == '\r')
		n--;
	return l->line(l->ctx, p, n);
}

bool http_lines_feed(struct http_lines *l, const char *p, size_t n)
{
	const char *end = p + n;
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		if (!lf)
			return keep_rest(l, p, (size_t)(end - p));
		if (l->len_) {
			if (!keep_rest(l, p, (size_t)(lf - p)))
				return false;
			size_t len = l->len_;
			l->len_ = 0;
			if (!emit(l, l->buf_, len))
				return false;
		} else if (!emit(l, p, (size_t)(lf - p))) {
			return false;
		}
		p = lf + 1;
	}
	return true;
}

void http_lines_free(struct http_lines *l)
{
	free(l->buf_);
	l->buf_ = NULL;
	l->len_ = l->cap_ = 0;
}
