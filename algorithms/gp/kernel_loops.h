/*
 * The loops of kernel.c for one kind of vector unit: included once for each, without #pragma once.
 *
 *     TARGET      attribute of the functions
 *     LANES       doubles in a vector register: 2, 4 or 8
 *     NAME(x)     the name of x in this version
 *
 * Vectors are written out because a compiler may neither reorder a sum nor, without giving up exact
 * arithmetic elsewhere, turn a comparison into a minimum.
 */
#define INLINE TARGET static inline __attribute__((always_inline))

typedef double NAME(reals) __attribute__((vector_size(LANES * sizeof(double))));
typedef int64_t NAME(words) __attribute__((vector_size(LANES * sizeof(int64_t))));
#define REALS NAME(reals)
#define WORDS NAME(words)

INLINE REALS NAME(load)(const double *p)
{
	REALS v;

	memcpy(&v, p, sizeof(v));
	return v;
}

INLINE void NAME(store)(double *p, REALS v)
{
	memcpy(p, &v, sizeof(v));
}

INLINE REALS NAME(all)(double x)
{
	return x - (REALS){0};
}

INLINE double NAME(total)(REALS v)
{
	double sum = 0;

	for (int i = 0; i < LANES; i++)
		sum += v[i];
	return sum;
}

/* a where the mask is set, else b. */
INLINE REALS NAME(choose)(WORDS mask, REALS a, REALS b)
{
	return (REALS)(((WORDS)a & mask) | ((WORDS)b & ~mask));
}

/*
 * e^x = 2^m e^r with |r| <= ln(2)/2: Cody and Waite's reduction in two parts, then the polynomial of
 * degree 11 through Chebyshev's nodes (relative error 2e-17). The sum with 1.5 * 2^52 rounds to the
 * integer m and leaves it in the low bits, from where it is shifted into the exponent.
 */
INLINE REALS NAME(exp)(REALS x)
{
	const REALS least = NAME(all)(-708), most = NAME(all)(708), shift = NAME(all)(0x1.8p52);
	REALS t, m, r, p;

	x = NAME(choose)(x < least, least, x);
	x = NAME(choose)(x > most, most, x);
	t = x * 0x1.71547652b82fep+0 + shift;
	m = t - shift;
	r = (x - m * 0x1.62e42fefa3800p-1) - m * 0x1.ef35793c76730p-45;
	p = r * 0x1.af38d53857513p-26 + 0x1.2891a8c1d838dp-22;
	p = p * r + 0x1.71de0d9c145d0p-19;
	p = p * r + 0x1.a019b8ef67c6cp-16;
	p = p * r + 0x1.a01a01a7c8d47p-13;
	p = p * r + 0x1.6c16c17893833p-10;
	p = p * r + 0x1.11111111109adp-7;
	p = p * r + 0x1.5555555553d4fp-5;
	p = p * r + 0x1.5555555555556p-3;
	p = p * r + 0x1.0000000000001p-1;
	p = p * (r * r) + r + 1;
	return (REALS)((WORDS)p + ((WORDS)t << 52));
}

/* The last values, fewer than a vector holds, go through a vector of their own. */
TARGET static void NAME(kernel_exp)(size_t n, const double *x, double *y)
{
	double rest[LANES] = {0};
	size_t i = 0;

	for (; i + LANES <= n; i += LANES)
		NAME(store)(y + i, NAME(exp)(NAME(load)(x + i)));
	if (i == n)
		return;
	memcpy(rest, x + i, (n - i) * sizeof(*x));
	NAME(store)(rest, NAME(exp)(NAME(load)(rest)));
	memcpy(y + i, rest, (n - i) * sizeof(*y));
}

TARGET static void NAME(kernel_distances)(
	const struct kernel_columns *c, size_t n, const double *point, double *restrict r2)
{
	memset(r2, 0, n * sizeof(*r2));
	for (uint32_t j = 0; j < c->d; j++) {
		const double *restrict column = c->at + j * c->stride;
		const double p = point[j], weight = c->weight[j];

		if (weight > 0)
			for (size_t a = 0; a < n; a++)
				r2[a] += column[a] != p ? weight : 0;
		else
			for (size_t a = 0; a < n; a++)
				r2[a] += (column[a] - p) * (column[a] - p);
	}
}

INLINE void NAME(matern)(double variance, double *k, double *slope)
{
	REALS s = NAME(load)(slope), e = NAME(exp)(-s) * variance;

	NAME(store)(k, e * (1 + s + s * s * (1.0 / 3)));
	NAME(store)(slope, e * (1 + s) * (5.0 / 3));
}

TARGET static void NAME(kernel_matern)(
	size_t n, double variance, const double *r2, double *k, double *restrict slope)
{
	double rest[2][LANES] = {{0}};
	size_t a = 0;

	for (size_t i = 0; i < n; i++)
		slope[i] = sqrt(5 * r2[i]);
	for (; a + LANES <= n; a += LANES)
		NAME(matern)(variance, k + a, slope + a);
	if (a == n)
		return;
	memcpy(rest[1], slope + a, (n - a) * sizeof(*slope));
	NAME(matern)(variance, rest[0], rest[1]);
	memcpy(k + a, rest[0], (n - a) * sizeof(*k));
	memcpy(slope + a, rest[1], (n - a) * sizeof(*slope));
}

TARGET static void NAME(kernel_add_linear)(
	const struct kernel_columns *c, size_t n, double variance, const double *point, double *restrict k)
{
	const double equal = variance / c->d;

	for (uint32_t j = 0; j < c->d; j++) {
		const double *restrict column = c->at + j * c->stride;
		const double p = point[j], slope = 12 * equal * (p - 0.5);

		if (c->weight[j] > 0)
			for (size_t a = 0; a < n; a++)
				k[a] += column[a] == p ? equal : 0;
		else
			for (size_t a = 0; a < n; a++)
				k[a] += slope * (column[a] - 0.5);
	}
}

TARGET static double NAME(kernel_dot_square)(size_t n, const double *a, const double *b, double *square)
{
	REALS dots[2] = {{0}}, squares[2] = {{0}};
	double dot, sum;
	size_t i = 0;

	for (; i + 2 * LANES <= n; i += 2 * LANES) {
		for (int half = 0; half < 2; half++) {
			REALS v = NAME(load)(a + i + half * LANES);

			dots[half] += v * NAME(load)(b + i + half * LANES);
			squares[half] += v * v;
		}
	}
	dot = NAME(total)(dots[0] + dots[1]);
	sum = NAME(total)(squares[0] + squares[1]);
	for (; i < n; i++) {
		dot += a[i] * b[i];
		sum += a[i] * a[i];
	}
	*square = sum;
	return dot;
}

/* sum q[a] (p - column[a]), or of its square. */
INLINE double NAME(moment)(size_t n, const double *q, const double *column, double p, bool squared)
{
	REALS sums[4] = {{0}};
	double sum;
	size_t a = 0;

	for (; a + 4 * LANES <= n; a += 4 * LANES) {
		for (int part = 0; part < 4; part++) {
			REALS apart = p - NAME(load)(column + a + part * LANES);

			sums[part] += NAME(load)(q + a + part * LANES) * (squared ? apart * apart : apart);
		}
	}
	for (; a + LANES <= n; a += LANES) {
		REALS apart = p - NAME(load)(column + a);

		sums[0] += NAME(load)(q + a) * (squared ? apart * apart : apart);
	}
	sum = NAME(total)((sums[0] + sums[1]) + (sums[2] + sums[3]));
	for (; a < n; a++)
		sum += q[a] * (squared ? (p - column[a]) * (p - column[a]) : p - column[a]);
	return sum;
}

INLINE double NAME(unequal)(size_t n, const double *q, const double *column, double p)
{
	REALS sums = {0};
	double sum;
	size_t a = 0;

	for (; a + LANES <= n; a += LANES)
		sums += NAME(choose)(NAME(load)(column + a) == p, NAME(all)(0), NAME(load)(q + a));
	sum = NAME(total)(sums);
	for (; a < n; a++)
		sum += column[a] != p ? q[a] : 0;
	return sum;
}

TARGET static void NAME(kernel_pull)(const struct kernel_columns *c, size_t n, const double *q,
	const double *point, double factor, double *out)
{
	for (uint32_t j = 0; j < c->d; j++)
		if (!(c->weight[j] > 0))
			out[j] += factor * NAME(moment)(n, q, c->at + j * c->stride, point[j], false);
}

TARGET static void NAME(kernel_spread)(const struct kernel_columns *c, size_t n, double left,
	const double *restrict alpha, const double *restrict inverse, double *restrict slope,
	const double *point, double *out)
{
	for (size_t a = 0; a < n; a++)
		slope[a] *= left * alpha[a] - inverse[a];
	for (uint32_t j = 0; j < c->d; j++) {
		const double *column = c->at + j * c->stride;

		out[j] += c->weight[j] > 0 ? c->weight[j] * NAME(unequal)(n, slope, column, point[j])
								   : NAME(moment)(n, slope, column, point[j], true);
	}
}

TARGET static void NAME(kernel_scatter)(const struct kernel_columns *c, size_t n, const double *q,
	const double *point, double *out)
{
	for (uint32_t j = 0; j < c->d; j++) {
		const double *restrict column = c->at + j * c->stride, p = point[j];
		double *restrict rows = out + j * c->stride;

		if (c->weight[j] > 0)
			continue;
		rows[n] += NAME(moment)(n, q, column, p, false);
		for (size_t a = 0; a < n; a++)
			rows[a] -= q[a] * (p - column[a]);
	}
}

static const struct loops NAME(loops) = {NAME(kernel_exp), NAME(kernel_distances), NAME(kernel_matern),
	NAME(kernel_add_linear), NAME(kernel_dot_square), NAME(kernel_pull), NAME(kernel_scatter), NAME(kernel_spread)};

#undef INLINE
#undef REALS
#undef WORDS
#undef TARGET
#undef LANES
#undef NAME
