/*
 * Any sequence of what a stopper can be told. It says yes or no with a reason, keeps its curves sorted and
 * bounded, and another one that is told the same backwards, with what was decided, has the same curves and
 * rungs.
 */
#include <math.h>
#include <string.h>

#include "algorithms/stopping/stopper.h"
#include "tests/fuzz/space_input.h"

enum { TOLD_MAX = 2000, RUNGS = 3, TRIALS = 64, SETTINGS = 8 };

enum kind { BEGIN, REPORT, TOLD, END, KINDS };

struct event {
	enum kind kind;
	uint8_t number, other;
	double a, b;
};

static struct event events[2 * TOLD_MAX];
static uint32_t n_events;

/* Steps are mostly small numbers, as are values: they must meet. */
static double small(struct input *in)
{
	uint8_t b = byte(in);

	return b < 200 ? b / 8.0 : b < 250 ? b : number(in);
}

static void tell(struct stopper *s, const struct event *e)
{
	switch (e->kind) {
	case BEGIN:
		check(stopper_begin(s, e->number, (int8_t)e->other % 4, e->other / 16u, e->a));
		break;
	case REPORT:
		check(stopper_restore(s, e->number, e->a, e->b));
		break;
	case TOLD:
		check(stopper_told(s, e->number));
		break;
	case END:
		check(stopper_end(s, e->number, (enum algo_status)(1 + e->other % 4), e->b));
		break;
	case KINDS:
		break;
	}
}

static void check_verdict(const struct stop_verdict *v)
{
	check(v->reason && *v->reason && memchr(v->message, '\0', sizeof(v->message)) && *v->message);
}

/* Lives through the input; what it was told and what it said is in events[]. */
static void live(struct stopper *s, struct input *in)
{
	for (n_events = 0; in->p < in->end && n_events < TOLD_MAX;) {
		struct event e = {.kind = byte(in) % 8, .number = byte(in) % TRIALS};
		struct stop_verdict v = {0};

		if (e.kind >= KINDS)
			e.kind = REPORT;
		if (e.kind == BEGIN || e.kind == END)
			e.other = byte(in);
		e.a = small(in);
		e.b = small(in);
		events[n_events++] = e;
		if (e.kind != REPORT) {
			tell(s, &e);
		} else if (stopper_report(s, e.number, e.a, e.b, &v) == STOP_NOW) {
			check_verdict(&v);
			events[n_events++] = (struct event){.kind = TOLD, .number = e.number};
		}
	}
}

static bool replaces(const struct event *a, const struct event *b)
{
	return a->kind == b->kind && a->number == b->number &&
	       (a->kind == BEGIN || a->kind == END || (a->kind == REPORT && a->a == b->a));
}

/* Backwards, and of what was said twice only what counts: the first announcement, else the last. */
static void tell_backwards(struct stopper *s)
{
	for (uint32_t i = n_events; i-- > 0;) {
		bool counts = true;

		for (uint32_t k = 0; k < n_events && counts; k++)
			if (k != i && (events[i].kind == BEGIN ? k < i : k > i) && replaces(&events[i], &events[k]))
				counts = false;
		if (counts)
			tell(s, &events[i]);
	}
}

static void compare(const struct stopper *a, const struct stopper *b)
{
	for (uint32_t t = 0; t < TRIALS; t++) {
		uint32_t n, m;
		const struct algo_point *x = stopper_curve(a, t, &n), *y = stopper_curve(b, t, &m);

		check(n == m && n <= STOP_POINTS_MAX);
		for (uint32_t i = 0; i < n; i++) {
			check(x[i].step == y[i].step && (i == 0 || x[i - 1].step < x[i].step));
			check(x[i].value == y[i].value || (isnan(x[i].value) && isnan(y[i].value)));
		}
	}
	for (int32_t bracket = 0; bracket < 2; bracket++)
		for (uint32_t k = 0; k < RUNGS; k++) {
			struct stop_entry x[TRIALS], y[TRIALS];
			uint32_t n = stopper_rung(a, bracket, k, x, TRIALS);

			check(n == stopper_rung(b, bracket, k, y, TRIALS));
			for (uint32_t i = 0; i < n; i++)
				check(x[i].number == y[i].number && x[i].value == y[i].value);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct algo_rungs rungs = {.at = {1, 3, 9}, .n = RUNGS, .brackets = 2, .max = 27, .eta = 3};
	struct input in = {data, data + size};
	struct algo_value values[2][SETTINGS];
	struct stop_use uses[2];
	uint8_t how = byte(&in);
	struct stop_problem p = {.direction = how & 1 ? ALGO_MAXIMIZE : ALGO_MINIMIZE,
		.value = how & 2 ? STOP_LATEST : STOP_BEST,
		.metric = "loss",
		.uses = uses,
		.n_uses = how >> 2 & 1 ? 2 : 1,
		.all = how & 8,
		.rungs = how & 16 ? &rungs : NULL,
		.max_resource = how & 32 ? 27 : NAN};
	struct stopper *a, *b;

	for (int i = 0; i < 2; i++) {
		const struct stop_rule *rule = stop_rules[byte(&in) % n_stop_rules];

		stop_settings_init(rule, values[i]);
		uses[i] = (struct stop_use){.rule = rule, .settings = values[i]};
	}
	a = stopper_new(&p);
	b = stopper_new(&p);
	check(a && b);
	live(a, &in);
	tell_backwards(b);
	compare(a, b);
	stopper_free(a);
	stopper_free(b);
	return 0;
}
