/* What the files that render share. Private to the room. */
#pragma once
#include <stdbool.h>

#include "server/model/render.h"

struct json_writer;
struct strbuf;

/* Adds the text with its placeholders replaced. */
void render_add(const struct trial_facts *t, const char *text, struct strbuf *out);
/* The parameter whose placeholder is all there is, or -1. */
int render_sole_parameter(const struct trial_facts *t, const char *text);
/* Is it the placeholder of an inactive parameter, or all but an "option=" in front of one? */
bool render_vanishes(const struct trial_facts *t, const char *text);
/* The Job of the short form: image, command, resources. */
void render_job(const struct trial_facts *t, struct json_writer *w, struct arena *a);
