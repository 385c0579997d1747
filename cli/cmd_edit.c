/* trimtab edit NAME --max-trials 80: change the budget or the labels of an experiment. */
#include "cli/documents.h"
#include "cli/edit.h"

static const struct option_def edit_options[] = {
	BUDGET_OPTIONS(struct budget_values),
	OPT_LIST(struct budget_values, labels, "label", 'l', "KEY=VALUE", "Set a label; KEY- removes it"),
	OPT_STRING(
		struct budget_values, output, "output", 'o', OUTPUT_METAVAR, NULL, "Print the answer in this form"),
	OPT_END,
};

static int edit_run(struct cli *c)
{
	const struct budget_values *v = c->values;
	const cJSON *experiment;
	struct output output;
	struct err e = {0};

	if (!budget_given(c) && !v->labels.n)
		return cli_usage(c, "say what to change, as in --max-trials 80");
	if (!output_parse(v->output, &output, &e) || !budget_patch(c, c->options.args[0], v, &experiment, &e))
		return cli_fail(c, &e);
	return document_print(c, &output, experiment, "edited");
}

static const struct example edit_examples[] = {
	{"trimtab edit digits --max-trials 80 --parallel 8", "A larger budget, at once"},
	{NULL, NULL},
};

const struct command cmd_edit = {
	.name = "edit",
	.args = "NAME",
	.summary = "Change the budget or the labels of an experiment",
	.options = edit_options,
	.values_size = sizeof(struct budget_values),
	.min_args = 1,
	.max_args = 1,
	.complete = "experiments",
	.examples = edit_examples,
	.run = edit_run,
};
