/*
 * The OpenAPI 3.1 document: made from the rows of the router and the field tables that the decoder
 * uses, so that it cannot say anything else than what the server does.
 */
#pragma once

struct router;
struct strbuf;

void openapi_write(struct strbuf *out, const struct router *r, const char *version);
