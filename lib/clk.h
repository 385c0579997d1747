/*
 * Time, injectable: clk_now_us() is monotonic and drives every timeout; clk_wall_us() is Unix time
 * and is only stored and shown. A test (or the simulated runner) replaces both with a virtual
 * clock that moves when told. Microseconds everywhere.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLK_SECOND INT64_C(1000000)

int64_t clk_now_us(void);
int64_t clk_wall_us(void);
void clk_set_virtual(int64_t now_us, int64_t wall_us);  /* from now on time moves only by advance */
void clk_advance(int64_t us);
void clk_set_real(void);
bool clk_is_virtual(void);

enum { CLK_TIME_MAX = 32 };
size_t clk_format_time(char out[CLK_TIME_MAX], int64_t wall_us);     /* 2026-11-22T10:00:03.120000Z */
bool clk_parse_time(const char *s, int64_t *wall_us);                /* RFC 3339, any offset        */
