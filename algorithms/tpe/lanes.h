/*
 * Four floats at once, for the sums over kernels that are most of a suggestion's time. Vectors of the
 * compiler's own, so that gcc and clang make the same operations of them on any machine.
 */
#pragma once
#include <stdint.h>
#include <string.h>

enum { LANES = 4 };
typedef float lanes __attribute__((vector_size(16), may_alias));
typedef int32_t int_lanes __attribute__((vector_size(16), may_alias));

static inline lanes lanes_all(float x)
{
	return (lanes){x, x, x, x};
}

/* Where the mask is set a, else b. */
static inline lanes lanes_select(int_lanes mask, lanes a, lanes b)
{
	return (lanes)((mask & (int_lanes)a) | (~mask & (int_lanes)b));
}

static inline lanes lanes_max(lanes a, lanes b)
{
	return lanes_select(a > b, a, b);
}

/*
 * e^x for x <= 0, right to 3e-7 near 0 and to 1e-5 near e^-87; smaller ones become about e^-87. A
 * polynomial with the least relative error for 2^f, |f| <= 1/2, and the exponent's bits.
 */
static inline lanes lanes_exp(lanes x)
{
	lanes t = lanes_max(x * 1.44269504f, lanes_all(-126));
	int_lanes whole = __builtin_convertvector(t - 0.5f, int_lanes);
	lanes f = t - __builtin_convertvector(whole, lanes), p;

	p = f * 1.3275326e-3f + 9.676688e-3f;
	p = p * f + 5.5507254e-2f;
	p = p * f + 2.4022098e-1f;
	p = p * f + 6.9314694e-1f;
	p = p * f + 1.0000001f;
	return (lanes)((int_lanes)p + (whole << 23));
}

static inline int lanes_any(int_lanes mask)
{
	long long halves[2];

	memcpy(halves, &mask, sizeof(halves));
	return (halves[0] | halves[1]) != 0;
}

static inline float lanes_sum(lanes a)
{
	return (a[0] + a[1]) + (a[2] + a[3]);
}

static inline float lanes_highest(lanes a)
{
	float x = a[0] > a[1] ? a[0] : a[1], y = a[2] > a[3] ? a[2] : a[3];

	return x > y ? x : y;
}
