/*
 * Surrogate networks of YAHPO Gym (Pfisterer et al. 2022): lcbench (networks on 34 data sets, 52 epochs),
 * rbv2_rpart (decision trees on 117), iaml_glmnet (elastic nets on 4), at full fidelity.
 *
 * NAME.mlp.txt tells the network: embeddings of the categorical inputs, a transform of every numeric
 * input, the weights in the order of NAME.mlp.f32, a transform of every output. With h the first
 * layer's output, every residual layer adds
 *     linear1(z[:k] * relu(z[k:])), z = linear0(batch_norm(h)),
 * and the outputs are the sigmoid of head(relu(last_normalization(h))), transformed. A transform is a
 * list of steps "add 1e-12 ; log ; sub 0.5 ; div 3". NAME.encoding.json numbers the categories.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/search/files.h"
#include "bench/search/problem.h"
#include "bench/search/yahpo.h"

enum { WIDTH_MAX = 1024, INPUTS_MAX = 128, CONT_MAX = 16, OUT_MAX = 16, STEPS_MAX = 8, LAYERS_MAX = 8, CATS_MAX = 2 };

/* ---- the network ------------------------------------------------------------------------------- */

enum step_kind { STEP_ADD, STEP_SUB, STEP_MUL, STEP_DIV, STEP_LOG, STEP_EXP, STEP_NEG, STEP_ROUND };

struct transform {
	uint32_t n;
	enum step_kind kinds[STEPS_MAX];
	double by[STEPS_MAX];
};

struct linear {
	const float *w, *b;         /* rows x columns, rows                                        */
	uint32_t rows, columns;
};

struct norm {
	const float *w, *b, *mean, *var;
};

struct network {
	struct transform inputs[CONT_MAX], outputs[OUT_MAX];
	uint32_t n_cont, n_out, n_layers;
	struct linear embeddings[CATS_MAX], first, head;
	struct norm norms[LAYERS_MAX], last;
	struct linear widen[LAYERS_MAX], narrow[LAYERS_MAX];
};

static double apply(const struct transform *t, double v)
{
	for (uint32_t i = 0; i < t->n; i++) {
		switch (t->kinds[i]) {
		case STEP_ADD:
			v += t->by[i];
			break;
		case STEP_SUB:
			v -= t->by[i];
			break;
		case STEP_MUL:
			v *= t->by[i];
			break;
		case STEP_DIV:
			v /= t->by[i];
			break;
		case STEP_LOG:
			v = log(v);
			break;
		case STEP_EXP:
			v = exp(v);
			break;
		case STEP_NEG:
			v = -v;
			break;
		case STEP_ROUND:
			v = rint(v);
			break;
		}
	}
	return v;
}

/* Four sums at once: the compiler may not reorder one. */
static float dot(const float *a, const float *b, uint32_t n)
{
	float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
	uint32_t i = 0;

	for (; i + 4 <= n; i += 4) {
		s0 += a[i] * b[i];
		s1 += a[i + 1] * b[i + 1];
		s2 += a[i + 2] * b[i + 2];
		s3 += a[i + 3] * b[i + 3];
	}
	for (; i < n; i++)
		s0 += a[i] * b[i];
	return s0 + s1 + s2 + s3;
}

static void run_linear(const struct linear *l, const float *in, float *out)
{
	for (uint32_t i = 0; i < l->rows; i++)
		out[i] = dot(l->w + (size_t)i * l->columns, in, l->columns) + l->b[i];
}

static void run_norm(const struct norm *m, const float *in, float *out, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		out[i] = (in[i] - m->mean[i]) / sqrtf(m->var[i] + 1e-5f) * m->w[i] + m->b[i];
}

static float relu(float v)
{
	return v > 0 ? v : 0;
}

/* What the head is applied to. cats: numbers of the categories; cont: raw numeric inputs. */
static void run_layers(const struct network *net, const uint32_t *cats, const double *cont, float r[WIDTH_MAX])
{
	float in[INPUTS_MAX], h[WIDTH_MAX], z[WIDTH_MAX];
	uint32_t n = 0, width = net->first.rows;

	for (uint32_t c = 0; c < CATS_MAX && net->embeddings[c].w; c++)
		for (uint32_t i = 0; i < net->embeddings[c].columns; i++)
			in[n++] = net->embeddings[c].w[cats[c] * net->embeddings[c].columns + i];
	for (uint32_t i = 0; i < net->n_cont; i++)
		in[n++] = (float)apply(&net->inputs[i], cont[i]);
	run_linear(&net->first, in, h);
	for (uint32_t l = 0; l < net->n_layers; l++) {
		uint32_t half = net->widen[l].rows / 2;

		run_norm(&net->norms[l], h, r, width);
		run_linear(&net->widen[l], r, z);
		for (uint32_t i = 0; i < half; i++)
			z[i] *= relu(z[half + i]);
		run_linear(&net->narrow[l], z, r);
		for (uint32_t i = 0; i < width; i++)
			h[i] += r[i];
	}
	run_norm(&net->last, h, r, width);
	for (uint32_t i = 0; i < width; i++)
		r[i] = relu(r[i]);
}

static double run_head(const struct network *net, const float *r, uint32_t output)
{
	uint32_t width = net->first.rows;
	float row = dot(net->head.w + (size_t)output * width, r, width) + net->head.b[output];

	return apply(&net->outputs[output], 1 / (1 + exp(-(double)row)));
}

/* ---- reading it -------------------------------------------------------------------------------- */

/* "sub 16 ; div 495" */
static bool read_transform(struct transform *t, char *text)
{
	static const char *const names[] = {"add", "sub", "mul", "div", "log", "exp", "neg", "round"};
	char *rest = text;

	for (char *word; (word = strtok_r(NULL, " ;", &rest));) {
		uint32_t k = 0;

		while (k < 8 && strcmp(word, names[k]) != 0)
			k++;
		if (k < 8) {
			if (t->n == STEPS_MAX)
				return false;
			t->kinds[t->n++] = (enum step_kind)k;
		} else if (t->n > 0) {
			t->by[t->n - 1] = strtod(word, NULL);
		}
	}
	return t->n > 0;
}

struct weights {
	const float *next;
	size_t left;
};

/* Gives the weight of this name its place in the network; those unknown are passed over. */
static void place_weight(struct network *net, const char *name, const float *w, uint32_t rows, uint32_t columns)
{
	uint32_t layer = strncmp(name, "layers.", 7) == 0 ? (uint32_t)strtoul(name + 7, NULL, 10) : LAYERS_MAX;
	struct linear *l = NULL;
	struct norm *m = NULL;

	if (strncmp(name, "embds_fct.", 10) == 0 && name[10] - '0' < CATS_MAX)
		l = &net->embeddings[name[10] - '0'];
	else if (strncmp(name, "first_layer.", 12) == 0)
		l = &net->first;
	else if (strncmp(name, "head.", 5) == 0)
		l = &net->head;
	else if (strncmp(name, "last_normalization.", 19) == 0)
		m = &net->last;
	else if (layer < LAYERS_MAX && strstr(name, ".linear0."))
		l = &net->widen[layer];
	else if (layer < LAYERS_MAX && strstr(name, ".linear1."))
		l = &net->narrow[layer];
	else if (layer < LAYERS_MAX)
		m = &net->norms[layer];
	if (layer < LAYERS_MAX && layer >= net->n_layers)
		net->n_layers = layer + 1;
	name = strrchr(name, '.') + 1;
	if (l && strcmp(name, "weight") == 0) {
		l->w = w;
		l->rows = rows;
		l->columns = columns;
	} else if (l) {
		l->b = w;
	} else if (m && strcmp(name, "running_mean") == 0) {
		m->mean = w;
	} else if (m && strcmp(name, "running_var") == 0) {
		m->var = w;
	} else if (m) {
		*(strcmp(name, "weight") == 0 ? &m->w : &m->b) = w;
	}
}

/* "layers.0.linear0.weight 910 128" */
static bool read_weight(struct network *net, char *text, struct weights *file)
{
	char *rest = text, *name = strtok_r(NULL, " ", &rest), *word = strtok_r(NULL, " ", &rest);
	uint32_t rows = word ? (uint32_t)strtoul(word, NULL, 10) : 0, columns;

	word = strtok_r(NULL, " ", &rest);
	columns = word ? (uint32_t)strtoul(word, NULL, 10) : 1;
	if (!name || !strchr(name, '.') || rows == 0 || rows > WIDTH_MAX || columns == 0 || columns > WIDTH_MAX ||
		(size_t)rows * columns > file->left)
		return false;
	place_weight(net, name, file->next, rows, columns);
	file->next += (size_t)rows * columns;
	file->left -= (size_t)rows * columns;
	return true;
}

static bool is_complete(const struct network *net)
{
	uint32_t inputs = net->n_cont, width = net->first.rows;
	bool ok = net->first.w && net->first.b && net->head.w && net->head.b && net->head.rows == net->n_out &&
			  net->last.w && net->last.b && net->last.mean && net->last.var;

	for (uint32_t c = 0; c < CATS_MAX; c++)
		inputs += net->embeddings[c].columns;
	for (uint32_t l = 0; l < net->n_layers; l++)
		ok = ok && net->norms[l].w && net->norms[l].b && net->norms[l].mean && net->norms[l].var &&
			 net->widen[l].w && net->widen[l].b && net->narrow[l].w && net->narrow[l].b &&
			 net->widen[l].columns == width && net->narrow[l].rows == width &&
			 net->narrow[l].columns == net->widen[l].rows / 2;
	return ok && inputs <= INPUTS_MAX && net->first.columns == inputs && net->head.columns == width;
}

static bool read_line(struct network *net, char *line, struct weights *file)
{
	char *colon = strchr(line, ':');

	if (strncmp(line, "cont ", 5) == 0 && colon)
		return net->n_cont < CONT_MAX && read_transform(&net->inputs[net->n_cont++], colon + 1);
	if (strncmp(line, "out ", 4) == 0 && colon)
		return net->n_out < OUT_MAX && read_transform(&net->outputs[net->n_out++], colon + 1);
	if (strncmp(line, "weight ", 7) == 0)
		return read_weight(net, line + 7, file);
	return true;
}

static struct network *read_network(struct problems *all, const char *folder, const char *name)
{
	struct network *net = problems_own(all, sizeof(*net));
	char file[64], *text, *rest;
	struct weights weights = {0};

	snprintf(file, sizeof(file), "%s.mlp", name);
	text = rest = file_text(all, folder, "yahpo", file, "txt");
	weights.next = file_floats(all, folder, "yahpo", file, &weights.left);
	if (!net || !text || !weights.next)
		return NULL;
	for (char *line; (line = strtok_r(NULL, "\n", &rest));)
		if (!read_line(net, line, &weights))
			return NULL;
	return is_complete(net) ? net : NULL;
}

/* ---- the scenarios ----------------------------------------------------------------------------- */

struct scenario {
	const char *name, *task_key;
	uint32_t output;
	bool maximize;
	uint32_t cost;              /* the output that is the second objective, to be minimised    */
	uint32_t n_params;
	struct problem_param params[8];
	uint32_t epochs;            /* that it reports, the first numeric input; 0: none           */
	int second_category;        /* parameter whose index + 1 is the second embedding's row, or -1 */
	uint32_t n_cont;
	int cont[CONT_MAX];         /* parameter that is this input, -1: the constant              */
	double constants[CONT_MAX]; /* full fidelity                                               */
};

static const char *const impute_labels[] = {"impute.hist", "impute.mean", "impute.median"};

#define REAL(n, lo, hi) {.name = n, .space = {.kind = SPACE_DOUBLE, .min = lo, .max = hi}}
#define REAL_LOG(n, lo, hi)                                                                                       \
	{.name = n, .space = {.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = lo, .max = hi}}
#define INT(n, lo, hi) {.name = n, .space = {.kind = SPACE_INT, .min = lo, .max = hi}}
#define INT_LOG(n, lo, hi)                                                                                        \
	{.name = n, .space = {.kind = SPACE_INT, .distribution = SPACE_LOG_UNIFORM, .min = lo, .max = hi}}

static const struct scenario scenarios[] = {
	{.name = "lcbench",
		.task_key = "OpenML_task_id",
		.output = 1,            /* val_accuracy                                            */
		.maximize = true,
		.cost = 0,              /* time                                                    */
		.n_params = 7,
		.params = {INT_LOG("batch_size", 16, 512), REAL_LOG("learning_rate", 1e-4, 0.1),
			REAL("max_dropout", 0, 1), INT_LOG("max_units", 64, 1024), REAL("momentum", 0.1, 0.99),
			INT("num_layers", 1, 5), REAL("weight_decay", 1e-5, 0.1)},
		.epochs = 52,
		.second_category = -1,
		.n_cont = 8,            /* epoch, batch, rate, momentum, decay, layers, units, dropout */
		.cont = {-1, 0, 1, 4, 6, 5, 3, 2},
		.constants = {52}},
	{.name = "rbv2_rpart",
		.task_key = "task_id",
		.output = 0,            /* accuracy                                                */
		.maximize = true,
		.cost = 8,              /* memory                                                  */
		.n_params = 5,
		.params = {REAL_LOG("cp", 0.0009118819655545162, 1), INT("maxdepth", 1, 30), INT("minbucket", 1, 100),
			INT("minsplit", 1, 100),
			{.name = "impute",
				.labels = impute_labels,
				.space = {.kind = SPACE_CATEGORICAL, .n_values = 3}}},
		.second_category = 4,
		.n_cont = 6,            /* cp, depth, bucket, split, share of the rows, repetitions    */
		.cont = {0, 1, 2, 3, -1, -1},
		.constants = {0, 0, 0, 0, 1, 10}},
	{.name = "iaml_glmnet",
		.task_key = "task_id",
		.output = 0,            /* mean misclassification error                            */
		.maximize = false,
		.n_params = 2,
		.params = {REAL("alpha", 0, 1), REAL_LOG("s", 1e-4, 1e3)},
		.second_category = -1,
		.n_cont = 3,            /* alpha, s, share of the rows                                 */
		.cont = {0, 1, -1},
		.constants = {0, 0, 1}},
};

struct task {
	const struct scenario *scenario;
	const struct network *network;
	uint32_t number;            /* row of the first embedding                                  */
};

/* What the head is applied to at this configuration and epoch; 0: where the scenario has it in full. */
static void run_task(const struct task *t, const double *x, uint32_t epoch, float r[WIDTH_MAX])
{
	const struct scenario *s = t->scenario;
	uint32_t cats[CATS_MAX] = {t->number};
	double cont[CONT_MAX];

	if (s->second_category >= 0)
		cats[1] = (uint32_t)x[s->second_category] + 1;
	for (uint32_t i = 0; i < s->n_cont; i++)
		cont[i] = s->cont[i] < 0 ? s->constants[i] : x[s->cont[i]];
	if (epoch > 0)
		cont[0] = epoch;
	run_layers(t->network, cats, cont, r);
}

static double output_at(const struct task *t, const double *x, uint32_t output)
{
	float r[WIDTH_MAX];

	run_task(t, x, 0, r);
	return run_head(t->network, r, output);
}

/* Every epoch takes its part of what the surrogate gives for all: what it gives for the first ones alone
 * is some times too long. */
static double report(const struct problem *p, const double *x, uint32_t step, double *seconds)
{
	const struct task *t = p->data;
	float r[WIDTH_MAX];

	*seconds = output_at(t, x, 0) * step / t->scenario->epochs;
	run_task(t, x, step, r);
	return run_head(t->network, r, t->scenario->output);
}

static double evaluate(const struct problem *p, const double *x, uint64_t draw)
{
	const struct task *t = p->data;

	(void)draw;
	return output_at(t, x, t->scenario->output);
}

static void evaluate_all(const struct problem *p, const double *x, double *values)
{
	const struct task *t = p->data;

	values[0] = output_at(t, x, t->scenario->output);
	values[1] = output_at(t, x, t->scenario->cost);
}

/* The same task with what it costs as the second objective, where its front is known. */
static void add_front(struct problems *all, const struct problem *single)
{
	const char *task = single->name + strlen("yahpo/");
	struct problem p = *single;
	struct problem_objectives *o;

	if (!yahpo_front(task, NULL, NULL))
		return;
	if (!(o = problems_own(all, sizeof(*o))))
		return;
	*o = (struct problem_objectives){.n = 2, .maximize = {p.maximize, false}, .evaluate = evaluate_all};
	yahpo_front(task, o->reference, &o->volume);
	p.several = o;
	p.family = NULL;
	p.steps = 0;
	snprintf(p.name, sizeof(p.name), "multi/%.60s", task);
	problems_add(all, &p);
}

static void add_task(
	struct problems *all, const struct scenario *s, const struct network *net, const char *name, uint32_t number)
{
	struct problem p = {.maximize = s->maximize,
		.median = NAN,
		.params = s->params,
		.n_params = s->n_params,
		.evaluate = evaluate,
		.steps = s->epochs,
		.report = report,
		.family = net};
	struct task *t;
	char scenario[32];

	file_problem_name(scenario, sizeof(scenario), s->name);
	snprintf(p.name, sizeof(p.name), "yahpo/%s-%.32s", scenario, name);
	p.best = yahpo_best(p.name + strlen("yahpo/"));
	if (isnan(p.best) || number >= net->embeddings[0].rows)
		return;
	t = problems_own(all, sizeof(*t));
	if (!t)
		return;
	*t = (struct task){.scenario = s, .network = net, .number = number};
	p.data = t;
	problems_add(all, &p);
	add_front(all, &p);
}

/* {"task_id": {"#na#": 0, "1040": 1, ...}, ...} */
static bool add_tasks(struct problems *all, const struct scenario *s, const char *folder)
{
	const struct network *net = read_network(all, folder, s->name);
	char key[64], file[64], *text;

	snprintf(file, sizeof(file), "%s.encoding", s->name);
	snprintf(key, sizeof(key), "\"%s\": {", s->task_key);
	text = file_text(all, folder, "yahpo", file, "json");
	text = text ? strstr(text, key) : NULL;
	if (!net || !text || net->n_cont != s->n_cont || net->n_out <= s->output ||
		(net->embeddings[1].w != NULL) != (s->second_category >= 0))
		return false;
	for (text += strlen(key); *text && *text != '}';) {
		char *name = strchr(text, '"'), *end = name ? strchr(name + 1, '"') : NULL;

		if (!end || end[1] != ':')
			return false;
		*end = '\0';
		add_task(all, s, net, name + 1, (uint32_t)strtoul(end + 2, &text, 10));
	}
	return true;
}

void problems_add_yahpo(struct problems *all, const char *folder)
{
	char **names = file_names(all, folder, "yahpo", "f32");

	if (!names || !names[0])
		return; /* no such data */
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++)
		if (!add_tasks(all, &scenarios[i], folder))
			problems_fail(all);
}
