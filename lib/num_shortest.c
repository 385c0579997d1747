/*
 * Schubfach, after Raffaello Giulietti, "The Schubfach way to render doubles" (2020). A double is
 * c * 2^q. The numbers that round to it lie between half-way points cbl and cbr (in quarters of a unit of
 * c); scaled by a power of ten so that at least one integer and at most one multiple of ten lies
 * between them, the shortest decimal can be read off. 128 bits of the power are enough for exact
 * comparisons.
 */
#include "lib/num_shortest.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

typedef unsigned __int128 u128;

enum { POWER_MIN = -292, POWER_MAX = 324, LIMBS = 35 };

/* powers[n - POWER_MIN] is 10^n times that power of two that makes it an integer of exactly 128
 * bits, rounded up. */
static u128 powers[POWER_MAX - POWER_MIN + 1];

/* The leading 128 bits of x (least significant limb first), one more if anything follows them. */
static u128 leading_bits(const uint32_t x[LIMBS], bool follows)
{
	int top = LIMBS - 1, shift;
	u128 bits = 0;

	while (x[top] == 0)
		top--;
	shift = __builtin_clz(x[top]);
	for (int i = 0; i < 4; i++)
		bits = bits << 32 | (top >= i ? x[top - i] : 0);
	if (shift > 0) {
		uint32_t next = top >= 4 ? x[top - 4] : 0;

		bits = bits << shift | next >> (32 - shift);
		follows |= next << shift != 0;
	} else if (top >= 4) {
		follows |= x[top - 4] != 0;
	}
	for (int i = 0; i < top - 4; i++)
		follows |= x[i] != 0;
	return bits + follows;
}

static void multiply(uint32_t x[LIMBS], uint32_t by)
{
	uint64_t carry = 0;

	for (int i = 0; i < LIMBS; i++) {
		carry += (uint64_t)x[i] * by;
		x[i] = (uint32_t)carry;
		carry >>= 32;
	}
	assert(carry == 0);
}

static void divide(uint32_t x[LIMBS], uint32_t by)
{
	uint64_t rest = 0;

	for (int i = LIMBS - 1; i >= 0; i--) {
		rest = rest << 32 | x[i];
		x[i] = (uint32_t)(rest / by);
		rest %= by;
	}
}

/* In exact arithmetic; takes some 30 us, once. */
static void make_powers(void)
{
	uint32_t up[LIMBS] = {1}, down[LIMBS] = {0};

	for (int n = 0; n <= POWER_MAX; n++) {
		powers[n - POWER_MIN] = leading_bits(up, false);
		if (n < POWER_MAX)
			multiply(up, 10);
	}
	down[LIMBS - 1] = 1u << 31; /* 2^1119; after 292 divisions more than 128 bits are left */
	for (int n = -1; n >= POWER_MIN; n--) {
		divide(down, 10);
		powers[n - POWER_MIN] = leading_bits(down, true);
	}
}

/* floor(log2(10^n)) */
static int log2_of_power(int n)
{
	return (n * 1741647) >> 19;
}

/* g * c / 2^128, its last bit set if anything was cut off. */
static uint64_t multiply_sticky(u128 g, uint64_t c)
{
	u128 low = (u128)(uint64_t)g * c;
	u128 high = (u128)(uint64_t)(g >> 64) * c + (low >> 64);

	return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

static struct num_decimal shortest_between(uint64_t c, int q, bool closer_below)
{
	int k = (q * 1262611 - (closer_below ? 524031 : 0)) >> 22;
	int h = q + log2_of_power(-k) + 1;
	u128 g = powers[-k - POWER_MIN];
	uint64_t below = multiply_sticky(g, (4 * c - 2 + closer_below) << h);
	uint64_t value = multiply_sticky(g, (4 * c) << h);
	uint64_t above = multiply_sticky(g, (4 * c + 2) << h);
	uint64_t lower = below + (c & 1), upper = above - (c & 1); /* ends belong to even neighbours */
	uint64_t s = value / 4, tens = s / 10;
	bool under, over;

	under = lower <= 40 * tens;
	over = 40 * tens + 40 <= upper;
	if (s >= 10 && under != over)
		return (struct num_decimal){tens + over, k + 1};
	under = lower <= 4 * s;
	over = 4 * s + 4 <= upper;
	if (under != over)
		return (struct num_decimal){s + over, k};
	over = value > 4 * s + 2 || (value == 4 * s + 2 && (s & 1));
	return (struct num_decimal){s + over, k};
}

struct num_decimal num_shortest(double x)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const uint64_t hidden = UINT64_C(1) << 52;
	uint64_t bits, fraction;
	int exponent;

	pthread_once(&once, make_powers);
	memcpy(&bits, &x, sizeof bits);
	fraction = bits & (hidden - 1);
	exponent = (int)(bits >> 52 & 0x7FF);
	assert(exponent < 0x7FF && (exponent | fraction) != 0);
	if (exponent == 0)
		return shortest_between(fraction, -1074, false);
	return shortest_between(hidden | fraction, exponent - 1075, fraction == 0 && exponent > 1);
}
