#include "trial-runner/simulated_plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/clk.h"
#include "lib/num.h"
#include "trial-runner/simulated_functions.h"

enum { ARGUMENTS_MAX = 64, STEPS_MAX = 1000000 };

/* splitmix64 */
static uint64_t mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static double uniform(uint64_t bits)
{
	return (double)(mix(bits) >> 11) * 0x1p-53;
}

static double gauss(uint64_t bits)
{
	double u = 1 - uniform(bits), v = uniform(bits + 1);

	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

struct settings {
	const char *metric;
	double steps, seconds_min, seconds_max, noise, nan, fail, lose;
};

static bool set_number(const char *text, double lo, double hi, double *out)
{
	double x;

	if (!num_parse(text, strlen(text), false, &x) || x < lo || x > hi)
		return false;
	*out = x;
	return true;
}

static bool set_range(const char *text, double *lo, double *hi)
{
	const char *dots = strstr(text, "..");

	if (!dots)
		return set_number(text, 0, 1e9, lo) && set_number(text, 0, 1e9, hi);
	return num_parse(text, (size_t)(dots - text), false, lo) && *lo >= 0 && set_number(dots + 2, *lo, 1e9, hi);
}

static bool set_one(struct settings *s, const char *word, size_t key, struct err *e)
{
	const struct {
		const char *name;
		double lo, hi, *out;
	} numbers[] = {
		{"steps", 0, STEPS_MAX, &s->steps}, {"noise", 0, 1e9, &s->noise}, {"nan", 0, 1, &s->nan},
		{"fail", 0, 1, &s->fail}, {"lose", 0, 1, &s->lose},
	};
	const char *value = word + key + 1;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (strncmp(word, numbers[i].name, key) == 0 && !numbers[i].name[key])
			return set_number(value, numbers[i].lo, numbers[i].hi, numbers[i].out) ||
				err_set(e, ERR_INVALID, "a simulated trial takes %s from %g to %g, not '%s'", numbers[i].name,
					numbers[i].lo, numbers[i].hi, value);
	}
	if (strncmp(word, "seconds=", 8) == 0)
		return set_range(value, &s->seconds_min, &s->seconds_max) ||
			err_set(e, ERR_INVALID, "a simulated trial takes seconds like 0.5 or 0.5..2, not '%s'", value);
	if (strncmp(word, "metric=", 7) == 0 && *value && strlen(value) < SIMULATED_METRIC_MAX) {
		s->metric = value;
		return true;
	}
	return err_set(e, ERR_INVALID, "a simulated trial has no setting '%s'", word);
}

/* What is no number still moves the value: the same word always by the same amount. */
static double argument(const char *word)
{
	double x;
	uint64_t h = 0;

	if (num_parse(word, strlen(word), false, &x))
		return x;
	for (; *word; word++)
		h = mix(h ^ (unsigned char)*word);
	return uniform(h);
}

static bool read_words(const struct run_order *o, struct settings *s, double *x, size_t *n, struct err *e)
{
	*n = 0;
	for (const char *const *word = o->argv + 1; *word; word++) {
		size_t key = strcspn(*word, "=");

		if ((*word)[key] == '=') {
			if (!set_one(s, *word, key, e))
				return false;
		} else if (*n == ARGUMENTS_MAX) {
			return err_set(e, ERR_INVALID, "a simulated trial takes at most %d arguments", ARGUMENTS_MAX);
		} else {
			x[(*n)++] = argument(*word);
		}
	}
	return true;
}

static bool find_function(const struct run_order *o, size_t n, const struct simulated_function **out, struct err *e)
{
	const struct simulated_function *f = simulated_function_find(o->argv[0]);
	char names[200] = "";
	size_t len = 0;

	*out = f;
	if (f && n > 0 && (f->arguments == 0 || f->arguments == n))
		return true;
	if (f && f->arguments == 0)
		return err_set(e, ERR_INVALID, "the simulated function %s needs at least one argument", f->name);
	if (f)
		return err_set(e, ERR_INVALID, "the simulated function %s takes %zu arguments, not %zu", f->name,
			f->arguments, n);
	for (f = simulated_functions; f->name; f++)
		len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len ? ", " : "", f->name);
	return err_set(e, ERR_INVALID, "there is no simulated function '%s'; there are %s", o->argv[0], names);
}

bool simulated_plan_make(struct simulated_plan *p, const struct simulated_options *options,
	const struct run_order *o, struct err *e)
{
	struct settings s = {"loss", 1, 1, 1, 0, 0, options->fail, options->lose};
	uint64_t r = mix(mix(mix(options->seed ^ (uint64_t)o->key.experiment_id) + (uint64_t)o->key.number) +
		(uint64_t)o->key.attempt);
	const struct simulated_function *f;
	double x[ARGUMENTS_MAX];
	size_t n;

	if (!read_words(o, &s, x, &n, e) || !find_function(o, n, &f, e))
		return false;
	*p = (struct simulated_plan){.steps = (int64_t)s.steps, .noise = s.noise, .fail_at = -1, .lose_at = -1};
	snprintf(p->metric, sizeof p->metric, "%s", s.metric);
	p->value = f->value(x, n);
	p->gap = 1 + fabs(p->value);
	p->duration_us = (int64_t)((s.seconds_min + uniform(r + 1) * (s.seconds_max - s.seconds_min)) * CLK_SECOND);
	p->nan = uniform(r + 2) < s.nan;
	if (uniform(r + 3) < s.fail)
		p->fail_at = (int64_t)(uniform(r + 4) * (double)(p->steps + 1));
	else if (uniform(r + 5) < s.lose)
		p->lose_at = (int64_t)(uniform(r + 6) * (double)(p->steps + 1));
	p->random = r + 100;
	return true;
}

/* An exponential that starts `gap` above the value and reaches it with the last step. */
double simulated_plan_value(const struct simulated_plan *p, int64_t step)
{
	double t = p->steps > 1 ? (double)step / (double)(p->steps - 1) : 1;
	double above = p->gap * (exp(-5 * t) - exp(-5)) / (1 - exp(-5));

	if (p->nan && step == p->steps - 1)
		return NAN;
	return p->value + above + (p->noise > 0 ? p->noise * gauss(p->random + 2 * (uint64_t)step) : 0);
}
