/*
 * Documents that are wrong in one way or in many: each names exactly the problems that must be found, in
 * order. Nothing else may be blamed, and nothing may be missed.
 */
#include "tests/unit/model/documents.h"

/* A merge patch of DOCUMENT, and "pointer code" for each problem. */
static const struct {
	const char *patch, *problems;
} cases[] = {
	{"{\"apiVersion\":\"trimtab/v2\"}", "/apiVersion unknown-value"},
	{"{\"apiVersion\":1}", "/apiVersion wrong-type"},
	{"{\"kind\":\"Experimnt\"}", "/kind unknown-value"},
	{"{\"metadata\":null}", "/metadata missing"},
	{"{\"metadata\":[]}", "/metadata wrong-type"},
	{"{\"spec\":null}", "/spec missing"},
	{"{\"spec\":\"x\"}", "/spec wrong-type"},
	{"{\"Spec\":{}}", "/Spec unknown-field"},
	{"{\"metadata\":{\"name\":null}}", "/metadata/name missing"},
	{"{\"metadata\":{\"name\":\"\"}}", "/metadata/name too-short"},
	{"{\"metadata\":{\"name\":\"Upper\"}}", "/metadata/name bad-name"},
	{"{\"metadata\":{\"name\":\"9lives\"}}", "/metadata/name bad-name"},
	{"{\"metadata\":{\"name\":\"ends-\"}}", "/metadata/name bad-name"},
	{"{\"metadata\":{\"name\":\"under_score\"}}", "/metadata/name bad-name"},
	{"{\"metadata\":{\"name\":\"a23456789012345678901234567890123456789012\"}}", "/metadata/name too-long"},
	{"{\"metadata\":{\"name\":7}}", "/metadata/name wrong-type"},
	{"{\"metadata\":{\"namespace\":\"other\"}}", "/metadata/namespace other-namespace"},
	{"{\"metadata\":{\"namespace\":\"No\"}}", "/metadata/namespace bad-name"},
	{"{\"metadata\":{\"labels\":{\"a b\":\"1\"}}}", "/metadata/labels/a b bad-label"},
	{"{\"metadata\":{\"labels\":{\"a\":\"b c\"}}}", "/metadata/labels/a bad-label"},
	{"{\"metadata\":{\"labels\":{\"/a\":\"1\",\"X.io/a\":\"1\",\"x.io/a\":\"ok\"}}}",
		"/metadata/labels/~1a bad-label\n"
		"/metadata/labels/X.io~1a bad-label"},
	{"{\"metadata\":{\"labels\":{\"a\":[]}}}", "/metadata/labels/a wrong-type"},
	{"{\"metadata\":{\"labels\":[]}}", "/metadata/labels wrong-type"},
	{"{\"metadata\":{\"nmae\":\"x\"}}", "/metadata/nmae unknown-field"},
	{"{\"spec\":{\"objectives\":null}}", "/spec/objectives missing"},
	{"{\"spec\":{\"objectives\":[]}}", "/spec/objectives too-few"},
	{"{\"spec\":{\"objectives\":{}}}", "/spec/objectives wrong-type"},
	{"{\"spec\":{\"objectives\":[\"loss\"]}}", "/spec/objectives/0 wrong-type"},
	{"{\"spec\":{\"objectives\":[{}]}}", "/spec/objectives/0/metric missing\n"
										 "/spec/objectives/0/direction missing"},
	{"{\"spec\":{\"objectives\":[{\"metric\":\"loss\",\"direction\":\"minimise\"}]}}",
		"/spec/objectives/0/direction unknown-value"},
	{"{\"spec\":{\"objectives\":[{\"metric\":\"a b\",\"direction\":\"minimize\"}]}}",
		"/spec/objectives/0/metric bad-name"},
	{"{\"spec\":{\"objectives\":[{\"metric\":\"\",\"direction\":\"minimize\"}]}}",
		"/spec/objectives/0/metric too-short"},
	{"{\"spec\":{\"objectives\":[{\"metric\":\"a\",\"direction\":\"minimize\"},{\"metric\":\"b\","
	 "\"direction\":\"maximize\"},{\"metric\":\"a\",\"direction\":\"maximize\"}]}}",
		"/spec/objectives/2/metric duplicate-metric"},
	{"{\"spec\":{\"objectives\":[{\"metric\":\"a\",\"direction\":\"minimize\",\"goal\":\"low\"}]}}",
		"/spec/objectives/0/goal wrong-type"},
	{"{\"spec\":{\"objectives\":[{\"metric\":\"a\",\"direction\":\"minimize\",\"strategy\":\"last\"}]}}",
		"/spec/objectives/0/strategy unknown-value"},
	{"{\"spec\":{\"objectives\":[{\"metric\":\"a\",\"direction\":\"minimize\",\"type\":\"x\"}]}}",
		"/spec/objectives/0/type unknown-field"},
	{"{\"spec\":{\"constraints\":{}}}", "/spec/constraints wrong-type"},
	{"{\"spec\":{\"constraints\":[{\"max\":1}]}}", "/spec/constraints/0/metric missing"},
	{"{\"spec\":{\"constraints\":[{\"metric\":\"a\"},{\"metric\":\"a b\",\"max\":1}]}}",
		"/spec/constraints/0 no-bound\n"
		"/spec/constraints/1/metric bad-name"},
	{"{\"spec\":{\"constraints\":[{\"metric\":\"a\",\"min\":2,\"max\":1},{\"metric\":\"a\",\"max\":1}]}}",
		"/spec/constraints/0/min min-above-max\n"
		"/spec/constraints/1/metric duplicate-metric"},
	{"{\"spec\":{\"constraints\":[{\"metric\":\"loss\",\"max\":1,\"strategy\":\"latest\"}]}}",
		"/spec/constraints/0/strategy strategy-conflict"},
	{"{\"spec\":{\"constraints\":[{\"metric\":\"a\",\"max\":\"1\"}]}}", "/spec/constraints/0/max wrong-type"},
	{"{\"spec\":{\"constraints\":[{\"metric\":\"a\",\"below\":1}]}}",
		"/spec/constraints/0/below unknown-field"},
	{"{\"spec\":{\"warmStart\":\"old\"}}", "/spec/warmStart wrong-type"},
	{"{\"spec\":{\"warmStart\":[\"Old\",\"a/b/c\",\"/a\",\"a/\",7]}}",
		"/spec/warmStart/4 wrong-type\n"
		"/spec/warmStart/0 bad-name\n"
		"/spec/warmStart/1 bad-name\n"
		"/spec/warmStart/2 bad-name\n"
		"/spec/warmStart/3 bad-name"},
	{"{\"spec\":{\"warmStart\":[\"old\",\"e\",\"default/old\"]}}",
		"/spec/warmStart/1 own-name\n"
		"/spec/warmStart/2 duplicate-source"},
	{"{\"spec\":{\"stopWhen\":\"convergd\"}}", "/spec/stopWhen unknown-value"},
	{"{\"spec\":{\"stopWhen\":true}}", "/spec/stopWhen wrong-type"},
	{"{\"spec\":{\"stopWhen\":{}}}", "/spec/stopWhen/rule missing"},
	{"{\"spec\":{\"stopWhen\":{\"rule\":\"converged\",\"tolerance\":-1,\"minTrials\":0.5,\"when\":1}}}",
		"/spec/stopWhen/when unknown-field\n"
		"/spec/stopWhen/tolerance too-small\n"
		"/spec/stopWhen/minTrials too-small"},
	{"{\"spec\":{\"stopWhen\":\"converged\",\"objectives\":[{\"metric\":\"a\",\"direction\":\"minimize\"},"
	 "{\"metric\":\"b\",\"direction\":\"minimize\"}]}}",
		"/spec/stopWhen one-objective-only"},
	{"{\"spec\":{\"parameters\":null}}", "/spec/parameters missing"},
	{"{\"spec\":{\"parameters\":[{\"name\":\"x\"}]}}", "/spec/parameters wrong-type"},
	{"{\"spec\":{\"initialTrials\":[{\"parameters\":{}}],\"parameters\":{\"x\":{\"type\":\"real\"}}}}",
		"/spec/parameters/x/type unknown-value"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"type\":null}}}}", "/spec/parameters/x/type missing"},
	{"{\"spec\":{\"parameters\":{\"x\":7}}}", "/spec/parameters/x wrong-type"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"min\":2}}}}", "/spec/parameters/x/min min-above-max"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"min\":null}}}}", "/spec/parameters/x/min missing"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"min\":null,\"max\":null}}}}", "/spec/parameters/x/min missing\n"
																		"/spec/parameters/x/max missing"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"min\":\"0\"}}}}", "/spec/parameters/x/min wrong-type"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"min\":-1e308,\"max\":1e308}}}}",
		"/spec/parameters/x/max too-large"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"values\":[1,2]}}}}", "/spec/parameters/x/values not-for-type"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"scale\":\"log\"}}}}", "/spec/parameters/x/min log-of-nonpositive"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"scale\":\"log\",\"min\":-1}}}}",
		"/spec/parameters/x/min log-of-nonpositive"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"distribution\":\"logUniform\"}}}}",
		"/spec/parameters/x/min log-of-nonpositive"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"distribution\":\"gaussian\"}}}}",
		"/spec/parameters/x/distribution unknown-value"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"distribution\":\"uniform\",\"scale\":\"log\",\"min\":0.1}}}}",
		"/spec/parameters/x/scale scale-conflict"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"distribution\":\"logNormal\",\"scale\":\"linear\","
	 "\"min\":0.1}}}}",
		"/spec/parameters/x/scale scale-conflict"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"step\":0}}}}", "/spec/parameters/x/step step-not-positive"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"step\":-0.1}}}}", "/spec/parameters/x/step step-not-positive"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"step\":2}}}}", "/spec/parameters/x/step step-above-range"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"step\":1e-300}}}}", "/spec/parameters/x/step step-too-fine"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"mean\":0.5}}}}", "/spec/parameters/x/mean not-for-distribution"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"sd\":0.5}}}}", "/spec/parameters/x/sd not-for-distribution"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"distribution\":\"normal\",\"sd\":0}}}}",
		"/spec/parameters/x/sd sd-not-positive"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"distribution\":\"normal\",\"sd\":-1,\"mean\":\"a\"}}}}",
		"/spec/parameters/x/mean wrong-type"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"distribution\":\"normal\",\"mean\":1000,\"sd\":0.001}}}}",
		"/spec/parameters/x bad-space"},
	{"{\"spec\":{\"parameters\":{\"n\":{\"min\":0.5}}}}", "/spec/parameters/n/min not-integral"},
	{"{\"spec\":{\"parameters\":{\"n\":{\"max\":8.5,\"step\":0.5}}}}",
		"/spec/parameters/n/max not-integral\n"
		"/spec/parameters/n/step not-integral"},
	{"{\"spec\":{\"parameters\":{\"n\":{\"max\":1e16}}}}", "/spec/parameters/n/max too-large"},
	{"{\"spec\":{\"parameters\":{\"n\":{\"min\":9,\"step\":100}}}}", "/spec/parameters/n/min min-above-max"},
	{"{\"spec\":{\"parameters\":{\"n\":{\"step\":100}}}}", "/spec/parameters/n/step step-above-range"},
	{"{\"spec\":{\"parameters\":{\"n\":{\"scale\":\"log\",\"min\":0}}}}",
		"/spec/parameters/n/min log-of-nonpositive"},
	{"{\"spec\":{\"parameters\":{\"opt\":{\"values\":null}}}}", "/spec/parameters/opt/values missing"},
	{"{\"spec\":{\"parameters\":{\"opt\":{\"values\":[]}}}}", "/spec/parameters/opt/values empty-list"},
	{"{\"spec\":{\"parameters\":{\"opt\":{\"values\":\"sgd\"}}}}", "/spec/parameters/opt/values wrong-type"},
	{"{\"spec\":{\"parameters\":{\"opt\":{\"values\":[\"sgd\",\"sgd\"]}}}}",
		"/spec/parameters/opt/values/1 duplicate-value"},
	{"{\"spec\":{\"parameters\":{\"opt\":{\"values\":[\"sgd\",\"1\",1,true,\"true\"]}}}}",
		"/spec/parameters/opt/values/2 duplicate-value\n"
		"/spec/parameters/opt/values/4 duplicate-value"},
	{"{\"spec\":{\"parameters\":{\"opt\":{\"values\":[\"sgd\",null,[\"a\"],{}]}}}}",
		"/spec/parameters/opt/values/1 wrong-type\n"
		"/spec/parameters/opt/values/2 wrong-type\n"
		"/spec/parameters/opt/values/3 wrong-type"},
	{"{\"spec\":{\"parameters\":{\"opt\":{\"min\":1,\"max\":2,\"step\":1,\"scale\":\"log\",\"distribution\":"
	 "\"normal\","
	 "\"mean\":1,\"sd\":1}}}}",
		"/spec/parameters/opt/min not-for-type\n"
		"/spec/parameters/opt/max not-for-type\n"
		"/spec/parameters/opt/step not-for-type\n"
		"/spec/parameters/opt/scale not-for-type\n"
		"/spec/parameters/opt/distribution not-for-type\n"
		"/spec/parameters/opt/mean not-for-type\n"
		"/spec/parameters/opt/sd not-for-type"},
	{"{\"spec\":{\"parameters\":{\"d\":{\"type\":\"discrete\"}}}}", "/spec/parameters/d/values missing"},
	{"{\"spec\":{\"parameters\":{\"d\":{\"type\":\"discrete\",\"values\":[]}}}}",
		"/spec/parameters/d/values empty-list"},
	{"{\"spec\":{\"parameters\":{\"d\":{\"type\":\"discrete\",\"values\":[1,\"2\",true]}}}}",
		"/spec/parameters/d/values/1 wrong-type\n"
		"/spec/parameters/d/values/2 wrong-type"},
	{"{\"spec\":{\"parameters\":{\"d\":{\"type\":\"discrete\",\"values\":[1,2,1.0,-0,0]}}}}",
		"/spec/parameters/d/values/4 duplicate-value\n"
		"/spec/parameters/d/values/2 duplicate-value"},
	{"{\"spec\":{\"parameters\":{\"a b\":{\"type\":\"int\",\"min\":1,\"max\":2}}}}",
		"/spec/parameters/a b bad-name"},
	{"{\"spec\":{\"parameters\":{\"\":{\"type\":\"int\",\"min\":1,\"max\":2}}}}",
		"/spec/parameters/ bad-name"},
	{"{\"spec\":{\"parameters\":{\"-x\":{\"type\":\"int\",\"min\":1,\"max\":2},\"a=b\":{\"type\":\"int\","
	 "\"min\":1,\"max\":2},\"a{\":{\"type\":\"int\",\"min\":1,\"max\":2}}}}",
		"/spec/parameters/-x bad-name\n"
		"/spec/parameters/a=b bad-name\n"
		"/spec/parameters/a{ bad-name"},
	{"{\"spec\":{\"parameters\":{\"trial.name\":{\"type\":\"int\",\"min\":1,\"max\":2}}}}",
		"/spec/parameters/trial.name reserved-name"},
	{"{\"spec\":{\"parameters\":{\"a/b\":{\"type\":\"int\",\"min\":3,\"max\":2}}}}",
		"/spec/parameters/a~1b/min min-above-max"},
	{"{\"spec\":{\"parameters\":{\"m\":{\"when\":[]}}}}", "/spec/parameters/m/when wrong-type"},
	{"{\"spec\":{\"parameters\":{\"m\":{\"when\":{\"optt\":[\"sgd\"],\"opt\":null}}}}}",
		"/spec/parameters/m/when/optt unknown-parameter"},
	{"{\"spec\":{\"parameters\":{\"m\":{\"when\":{\"m\":[0.5]}}}}}",
		"/spec/parameters/m/when/m condition-on-self"},
	{"{\"spec\":{\"parameters\":{\"m\":{\"when\":{\"opt\":\"sgd\"}}}}}",
		"/spec/parameters/m/when/opt wrong-type"},
	{"{\"spec\":{\"parameters\":{\"m\":{\"when\":{\"opt\":[]}}}}}", "/spec/parameters/m/when/opt empty-list"},
	{"{\"spec\":{\"parameters\":{\"m\":{\"when\":{\"opt\":[\"sdg\"]}}}}}",
		"/spec/parameters/m/when/opt/0 unknown-value"},
	{"{\"spec\":{\"parameters\":{\"m\":{\"when\":{\"opt\":[\"sgd\",\"sgd\"]}}}}}",
		"/spec/parameters/m/when/opt/1 duplicate-value"},
	{"{\"spec\":{\"parameters\":{\"m\":{\"when\":{\"x\":[0.5]}}}}}",
		"/spec/parameters/m/when/x condition-on-continuous"},
	{"{\"spec\":{\"parameters\":{\"m\":{\"when\":{\"n\":[9,1.5,\"a\",3]}}}}}",
		"/spec/parameters/m/when/n/0 out-of-range\n"
		"/spec/parameters/m/when/n/1 wrong-type\n"
		"/spec/parameters/m/when/n/2 wrong-type"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"step\":0.25},\"m\":{\"when\":{\"x\":[0.3,0.5,7]}}}}}",
		"/spec/parameters/m/when/x/0 not-on-step\n"
		"/spec/parameters/m/when/x/2 out-of-range"},
	{"{\"spec\":{\"parameters\":{\"opt\":{\"when\":{\"n\":[1]}},\"n\":{\"when\":{\"opt\":[\"sgd\"]}}}}}",
		"/spec/parameters/n/when condition-cycle"},
	{"{\"spec\":{\"parameters\":{\"a\":{\"type\":\"int\",\"min\":1,\"max\":2,\"when\":{\"b\":[1]}},"
	 "\"b\":{\"type\":\"int\",\"min\":1,\"max\":2,\"when\":{\"c\":[1]}},\"c\":{\"type\":\"int\",\"min\":1,"
	 "\"max\":2,\"when\":{\"a\":[1]}}}}}",
		"/spec/parameters/a/when condition-cycle"},
	{"{\"spec\":{\"parameters\":{\"opt\":{\"values\":[]},\"m\":{\"when\":{\"opt\":[\"x\"]}}}}}",
		"/spec/parameters/opt/values empty-list"},
	{"{\"spec\":{\"algorithm\":{}}}", "/spec/algorithm/name missing"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"randm\"}}}", "/spec/algorithm/name unknown-algorithm"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"sobel\",\"seed\":-1}}}", "/spec/algorithm/seed too-small\n"
																	"/spec/algorithm/name unknown-algorithm"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"random\",\"seed\":1.5}}}", "/spec/algorithm/seed wrong-type"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"random\",\"settings\":[]}}}",
		"/spec/algorithm/settings wrong-type"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"random\",\"settings\":{\"nope\":1}}}}",
		"/spec/algorithm/settings/nope unknown-setting"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"random\",\"setings\":{}}}}",
		"/spec/algorithm/setings unknown-field"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"grid\",\"settings\":{\"points_per_axis\":\"many\","
	 "\"order\":\"sideways\"}}}}",
		"/spec/algorithm/settings/points_per_axis bad-setting\n"
		"/spec/algorithm/settings/order bad-setting"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"grid\",\"settings\":{\"points_per_axis\":0,\"order\":7}}}}",
		"/spec/algorithm/settings/points_per_axis bad-setting\n"
		"/spec/algorithm/settings/order bad-setting"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"grid\",\"settings\":{\"points_per_axis\":[],\"order\":null}}}}",
		"/spec/algorithm/settings/points_per_axis wrong-type"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"grid\",\"settings\":{\"points_per_axis\":2.5}}}}",
		"/spec/algorithm/settings/points_per_axis bad-setting"},
	{"{\"spec\":{\"earlyStopping\":{}}}", "/spec/earlyStopping/name missing"},
	{"{\"spec\":{\"earlyStopping\":{\"name\":\"medianstop\",\"settings\":[]}}}",
		"/spec/earlyStopping/settings wrong-type"},
	{"{\"spec\":{\"earlyStopping\":{\"name\":\"medianstp\",\"settings\":[]}}}",
		"/spec/earlyStopping/name unknown-early-stopping\n"
		"/spec/earlyStopping/settings wrong-type"},
	{"{\"spec\":{\"earlyStopping\":{\"settings\":{}}}}", "/spec/earlyStopping/name missing"},
	{"{\"spec\":{\"earlyStopping\":{\"name\":\"medianstop\",\"settings\":{\"start_step\":0,\"strat_step\":3,"
	 "\"min_trials_required\":\"x\"}}}}",
		"/spec/earlyStopping/settings/start_step bad-setting\n"
		"/spec/earlyStopping/settings/strat_step unknown-setting\n"
		"/spec/earlyStopping/settings/min_trials_required bad-setting"},
	{"{\"spec\":{\"earlyStopping\":{\"name\":\"medianstop\",\"any\":[{\"name\":\"patience\"}]}}}",
		"/spec/earlyStopping conflict"},
	{"{\"spec\":{\"earlyStopping\":{\"all\":[{\"name\":\"medianstop\"}],\"any\":[{\"name\":\"patience\"}]}}}",
		"/spec/earlyStopping conflict"},
	{"{\"spec\":{\"earlyStopping\":{\"any\":[]}}}", "/spec/earlyStopping/any too-few"},
	{"{\"spec\":{\"earlyStopping\":{\"any\":{\"name\":\"patience\"}}}}", "/spec/earlyStopping/any wrong-type"},
	{"{\"spec\":{\"earlyStopping\":{\"any\":[{\"name\":\"patience\",\"settings\":{\"patience\":-1}},{},"
	 "{\"name\":\"treshold\"},{\"any\":[]},{\"name\":\"threshold\",\"settings\":{\"lower\":2,\"upper\":1}}]}}}",
		"/spec/earlyStopping/any/1/name missing\n"
		"/spec/earlyStopping/any/3/any unknown-field\n"
		"/spec/earlyStopping/any/3/name missing\n"
		"/spec/earlyStopping/any/0/settings/patience bad-setting\n"
		"/spec/earlyStopping/any/2/name unknown-early-stopping\n"
		"/spec/earlyStopping/any/4/settings/lower bad-setting"},
	{"{\"spec\":{\"earlyStopping\":{\"all\":[{\"name\":\"medianstop\"},{\"name\":\"threshold\",\"settings\":{"
	 "\"lower\":2,\"upper\":1}},{\"name\":\"threshold\"}]}}}",
		"/spec/earlyStopping/all/1/settings/lower bad-setting\n"
		"/spec/earlyStopping/all/2/settings/upper bad-setting"},
	{"{\"spec\":{\"fidelity\":[]}}", "/spec/fidelity wrong-type"},
	{"{\"spec\":{\"fidelity\":{\"maximum\":9}}}",
		"/spec/fidelity/maximum unknown-field"},
	{"{\"spec\":{\"fidelity\":{\"min\":0,\"max\":\"9\",\"eta\":0.5,\"resume\":1}}}",
		"/spec/fidelity/min too-small\n/spec/fidelity/max wrong-type\n/spec/fidelity/eta too-small\n"
		"/spec/fidelity/resume wrong-type"},
	{"{\"spec\":{\"fidelity\":{}}}", "/spec/fidelity/max missing"},
	{"{\"spec\":{\"fidelity\":{\"max\":9,\"eta\":1}}}", "/spec/fidelity/eta too-small"},
	{"{\"spec\":{\"fidelity\":{\"max\":9,\"min\":10}}}", "/spec/fidelity/min min-above-max"},
	{"{\"spec\":{\"fidelity\":{\"max\":9.5,\"min\":0.5}}}",
		"/spec/fidelity/max not-integral\n/spec/fidelity/min too-small"},
	{"{\"spec\":{\"fidelity\":{\"max\":1e9,\"min\":1,\"eta\":1.1}}}", "/spec/fidelity/eta too-many-rungs"},
	{"{\"spec\":{\"fidelity\":{\"parameter\":\"n\"}}}", "/spec/fidelity/parameter not-for-algorithm"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\"}}}", "/spec/fidelity missing"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"asha\"},\"fidelity\":{\"eta\":4}}}", "/spec/fidelity/max missing"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\"},\"fidelity\":{\"parameter\":\"opt\"}}}",
		"/spec/fidelity/parameter not-a-resource"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\"},\"fidelity\":{\"parameter\":\"m\"}}}",
		"/spec/fidelity/parameter not-a-resource"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\"},\"fidelity\":{\"parameter\":\"nn\"}}}",
		"/spec/fidelity/parameter unknown-parameter"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\"},\"fidelity\":{\"parameter\":\"n\",\"min\":0.5,\"max\":9}}}",
		"/spec/fidelity/max above-range\n/spec/fidelity/min below-range"},
	{"{\"spec\":{\"parameters\":{\"n\":{\"min\":-8,\"max\":0}},\"algorithm\":{\"name\":\"hyperband\"},"
	 "\"fidelity\":{\"parameter\":\"n\"}}}", "/spec/fidelity/max not-positive"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\",\"settings\":{\"r_l\":9,\"eta\":2,\"resource_name\":\"n\"}},"
	 "\"fidelity\":{\"parameter\":\"x\",\"max\":1,\"eta\":3}}}",
		"/spec/algorithm/settings/r_l conflict\n/spec/algorithm/settings/eta conflict\n"
		"/spec/algorithm/settings/resource_name conflict"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\",\"settings\":{\"r_l\":9,\"resource_name\":\"nn\"}}}}",
		"/spec/algorithm/settings/resource_name unknown-parameter"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\",\"settings\":{\"r_l\":0,\"eta\":1}}}}",
		"/spec/algorithm/settings/r_l bad-setting\n/spec/algorithm/settings/eta bad-setting"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\"},\"fidelity\":{\"max\":81},\"stopWhen\":\"converged\","
	 "\"earlyStopping\":{\"any\":[{\"name\":\"patience\"},{\"name\":\"medianstop\"}]}}}",
		"/spec/earlyStopping/any/1/name not-for-algorithm\n/spec/stopWhen not-for-algorithm"},
	{"{\"spec\":{\"fidelity\":{\"parameter\":\"nn\"}}}",
		"/spec/fidelity/parameter unknown-parameter"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperbond\"},\"fidelity\":{\"parameter\":\"nn\","
	 "\"min\":9,\"max\":3,\"eta\":1},\"earlyStopping\":{\"any\":[{\"name\":\"medianstp\"},"
	 "{\"name\":\"threshold\"}]}}}",
		"/spec/fidelity/parameter unknown-parameter\n"
		"/spec/algorithm/name unknown-algorithm\n"
		"/spec/fidelity/eta too-small\n"
		"/spec/fidelity/min min-above-max\n"
		"/spec/earlyStopping/any/0/name unknown-early-stopping\n"
		"/spec/earlyStopping/any/1/settings/upper bad-setting"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperbond\"},\"fidelity\":{\"min\":0.5,\"max\":9.5,"
	 "\"eta\":1}}}",
		"/spec/algorithm/name unknown-algorithm\n"
		"/spec/fidelity/max not-integral\n"
		"/spec/fidelity/min too-small\n"
		"/spec/fidelity/eta too-small"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperbond\"},\"fidelity\":{\"eta\":4}}}",
		"/spec/algorithm/name unknown-algorithm\n"
		"/spec/fidelity/max missing"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperbond\",\"settings\":{\"r_l\":9}},"
	 "\"fidelity\":{\"eta\":4}}}",
		"/spec/algorithm/name unknown-algorithm"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\",\"settings\":{\"rl\":9}},"
	 "\"fidelity\":{\"eta\":1}}}",
		"/spec/algorithm/settings/rl unknown-setting\n"
		"/spec/fidelity/eta too-small"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\",\"settings\":{\"sampler\":\"gpp\"}},"
	 "\"fidelity\":{\"max\":9,\"min\":10,\"eta\":1}}}",
		"/spec/algorithm/settings/sampler bad-setting\n"
		"/spec/fidelity/eta too-small\n"
		"/spec/fidelity/min min-above-max"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\"},\"fidelity\":{\"max\":\"81\","
	 "\"min\":0.5,\"eta\":1}}}",
		"/spec/fidelity/max wrong-type\n"
		"/spec/fidelity/min too-small\n"
		"/spec/fidelity/eta too-small"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\"},\"fidelity\":{\"eta\":0.5}}}",
		"/spec/fidelity/eta too-small\n"
		"/spec/fidelity/max missing"},
	{"{\"spec\":{\"parameters\":{\"n\":{\"min\":9,\"max\":1}},"
	 "\"algorithm\":{\"name\":\"hyperband\"},\"fidelity\":{\"parameter\":\"n\",\"min\":81,"
	 "\"max\":27,\"eta\":1}}}",
		"/spec/parameters/n/min min-above-max\n"
		"/spec/fidelity/eta too-small\n"
		"/spec/fidelity/min min-above-max"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"min\":9,\"max\":1}},"
	 "\"algorithm\":{\"name\":\"hyperband\"},\"fidelity\":{\"parameter\":\"n\",\"max\":1000,"
	 "\"eta\":1}}}",
		"/spec/parameters/x/min min-above-max\n"
		"/spec/fidelity/max above-range\n"
		"/spec/fidelity/eta too-small"},
	{"{\"spec\":{\"algorithm\":{\"name\":\"hyperband\"},\"fidelity\":{\"parameter\":\"nn\"},"
	 "\"stopWhen\":\"converged\",\"earlyStopping\":{\"name\":\"medianstop\","
	 "\"settings\":{\"start_step\":0}}}}",
		"/spec/fidelity/parameter unknown-parameter\n"
		"/spec/earlyStopping/settings/start_step bad-setting\n"
		"/spec/earlyStopping/name not-for-algorithm\n"
		"/spec/stopWhen not-for-algorithm"},
	{"{\"spec\":{\"objectives\":[],\"earlyStopping\":{\"all\":[{\"name\":\"threshold\","
	 "\"settings\":{\"uper\":1}},{\"name\":\"threshold\"},{\"name\":\"threshold\"}]}}}",
		"/spec/objectives too-few\n"
		"/spec/earlyStopping/all/0/settings/uper unknown-setting\n"
		"/spec/earlyStopping/all/1/settings/upper bad-setting\n"
		"/spec/earlyStopping/all/2/settings/upper bad-setting"},
	{"{\"spec\":{\"earlyStopping\":{\"name\":\"medianstp\",\"all\":[{\"name\":\"threshold\"}],"
	 "\"any\":[{\"name\":\"patence\"}]}}}",
		"/spec/earlyStopping conflict\n"
		"/spec/earlyStopping/name unknown-early-stopping\n"
		"/spec/earlyStopping/any/0/name unknown-early-stopping\n"
		"/spec/earlyStopping/all/0/settings/upper bad-setting"},
	{"{\"spec\":{\"budget\":{\"maxTrials\":0}}}", "/spec/budget/maxTrials too-small"},
	{"{\"spec\":{\"budget\":{\"maxTrials\":1.5}}}", "/spec/budget/maxTrials wrong-type"},
	{"{\"spec\":{\"budget\":{\"maxTrials\":2,\"parallelTrials\":3,\"maxFailedTrials\":5}}}",
		"/spec/budget/parallelTrials parallel-above-max\n"
		"/spec/budget/maxFailedTrials failed-above-max"},
	{"{\"spec\":{\"budget\":{\"parallelTrials\":0,\"maxFailedTrials\":-1}}}",
		"/spec/budget/parallelTrials too-small\n"
		"/spec/budget/maxFailedTrials too-small"},
	{"{\"spec\":{\"budget\":{\"maxDuration\":\"6 hours\"}}}", "/spec/budget/maxDuration malformed-duration"},
	{"{\"spec\":{\"budget\":{\"maxDuration\":0}}}", "/spec/budget/maxDuration too-small"},
	{"{\"spec\":{\"budget\":{\"maxDuration\":true,\"maxTrails\":5}}}",
		"/spec/budget/maxTrails unknown-field\n"
		"/spec/budget/maxDuration wrong-type"},
	{"{\"spec\":{\"budget\":{\"maxTrials\":1e300}}}", "/spec/budget/maxTrials too-large"},
	{"{\"spec\":{\"retry\":{\"onLost\":-1,\"onFailed\":1000}}}", "/spec/retry/onLost too-small\n"
																 "/spec/retry/onFailed too-large"},
	{"{\"spec\":{\"initialTrials\":{}}}", "/spec/initialTrials wrong-type"},
	{"{\"spec\":{\"initialTrials\":[{}]}}", "/spec/initialTrials/0/parameters missing"},
	{"{\"spec\":{\"initialTrials\":[{\"parameters\":[]}]}}", "/spec/initialTrials/0/parameters wrong-type"},
	{"{\"spec\":{\"initialTrials\":[{\"parameters\":{}}]}}", "/spec/initialTrials/0/parameters/x missing\n"
															 "/spec/initialTrials/0/parameters/n missing\n"
															 "/spec/initialTrials/0/parameters/opt missing"},
	{"{\"spec\":{\"initialTrials\":[{\"parameters\":{\"x\":0.5,\"n\":3,\"opt\":\"adam\",\"m\":0.6}}]}}",
		"/spec/initialTrials/0/parameters/m inactive-parameter"},
	{"{\"spec\":{\"initialTrials\":[{\"parameters\":{\"x\":0.5,\"n\":3,\"opt\":\"sgd\"}}]}}",
		"/spec/initialTrials/0/parameters/m missing"},
	{"{\"spec\":{\"initialTrials\":[{\"parameters\":{\"x\":1.5,\"n\":2.5,\"opt\":\"sdg\",\"y\":1}}]}}",
		"/spec/initialTrials/0/parameters/x out-of-range\n"
		"/spec/initialTrials/0/parameters/n wrong-type\n"
		"/spec/initialTrials/0/parameters/opt unknown-value\n"
		"/spec/initialTrials/0/parameters/y unknown-parameter"},
	{"{\"spec\":{\"initialTrials\":[{\"parameters\":{\"x\":\"a\",\"n\":true,\"opt\":[\"sgd\"]}}]}}",
		"/spec/initialTrials/0/parameters/x wrong-type\n"
		"/spec/initialTrials/0/parameters/n wrong-type\n"
		"/spec/initialTrials/0/parameters/opt wrong-type"},
	{"{\"spec\":{\"parameters\":{\"x\":{\"step\":0.25}},\"initialTrials\":[{\"parameters\":{"
	 "\"x\":0.3,\"n\":3,\"opt\":\"adam\"}}]}}",
		"/spec/initialTrials/0/parameters/x not-on-step"},
	{"{\"spec\":{\"trial\":[]}}", "/spec/trial wrong-type"},
	{"{\"spec\":{\"trial\":{\"executor\":\"locl\"}}}", "/spec/trial/executor unknown-value"},
	{"{\"spec\":{\"trial\":{\"command\":null}}}", "/spec/trial/command missing"},
	{"{\"spec\":{\"trial\":{\"command\":[]}}}", "/spec/trial/command too-few"},
	{"{\"spec\":{\"trial\":{\"command\":\"run\"}}}", "/spec/trial/command wrong-type"},
	{"{\"spec\":{\"trial\":{\"command\":[\"\",1]}}}", "/spec/trial/command/1 wrong-type\n"
													  "/spec/trial/command/0 too-short"},
	{"{\"spec\":{\"trial\":{\"command\":[\"run\",\"${y}\",\"${lr\",\"$${HOME}\",\"${trial.name}\","
	 "\"${trial.nme}\"]}}}",
		"/spec/trial/command/1 unknown-placeholder\n"
		"/spec/trial/command/5 unknown-placeholder"},
	{"{\"spec\":{\"trial\":{\"command\":[\"run\",\"${}\"]}}}", "/spec/trial/command/1 unknown-placeholder"},
	{"{\"spec\":{\"trial\":{\"env\":{\"A B\":\"1\",\"1A\":\"x\",\"\":\"y\",\"OK\":\"${z}\",\"N\":null}}}}",
		"/spec/trial/env/A B bad-name\n"
		"/spec/trial/env/1A bad-name\n"
		"/spec/trial/env/ bad-name\n"
		"/spec/trial/env/OK unknown-placeholder"},
	{"{\"spec\":{\"trial\":{\"env\":{\"TRIMTAB_TOKEN\":\"1\",\"KATIB_TRIAL_NAME\":\"x\"}}}}",
		"/spec/trial/env/TRIMTAB_TOKEN reserved-name\n"
		"/spec/trial/env/KATIB_TRIAL_NAME reserved-name"},
	{"{\"spec\":{\"trial\":{\"workingDirectory\":\"relative\"}}}",
		"/spec/trial/workingDirectory not-absolute"},
	{"{\"spec\":{\"trial\":{\"workingDirectory\":\"/a/${q}\"}}}",
		"/spec/trial/workingDirectory unknown-placeholder"},
	{"{\"spec\":{\"trial\":{\"timeout\":\"soon\"}}}", "/spec/trial/timeout malformed-duration"},
	{"{\"spec\":{\"trial\":{\"timeout\":0,\"terminationGracePeriodSeconds\":-1}}}",
		"/spec/trial/timeout too-small\n"
		"/spec/trial/terminationGracePeriodSeconds too-small"},
	{"{\"spec\":{\"trial\":{\"timeout\":1e300}}}", "/spec/trial/timeout too-large"},
	{"{\"spec\":{\"trial\":{\"resources\":{\"cpu\":\"many\",\"memory\":\"4Gib\",\"gpu\":-1}}}}",
		"/spec/trial/resources/gpu too-small\n"
		"/spec/trial/resources/cpu bad-quantity\n"
		"/spec/trial/resources/memory bad-quantity"},
	{"{\"spec\":{\"trial\":{\"resources\":{\"cpu\":0,\"memory\":true,\"gpu\":0.5,\"tpu\":1}}}}",
		"/spec/trial/resources/tpu unknown-field\n"
		"/spec/trial/resources/memory wrong-type\n"
		"/spec/trial/resources/gpu wrong-type\n"
		"/spec/trial/resources/cpu bad-quantity"},
	{"{\"spec\":{\"trial\":{\"image\":\"i\",\"namespace\":\"n\",\"serviceAccount\":\"s\",\"nodeSelector\":{"
	 "},\"tolerations\":[],\"primaryContainer\":\"p\",\"successWhen\":\"s\",\"failureWhen\":\"f\","
	 "\"retain\":true}}}",
		"/spec/trial/image not-for-executor\n"
		"/spec/trial/namespace not-for-executor\n"
		"/spec/trial/serviceAccount not-for-executor\n"
		"/spec/trial/nodeSelector not-for-executor\n"
		"/spec/trial/tolerations not-for-executor\n"
		"/spec/trial/primaryContainer not-for-executor\n"
		"/spec/trial/successWhen not-for-executor\n"
		"/spec/trial/failureWhen not-for-executor\n"
		"/spec/trial/retain not-for-executor"},
	{"{\"spec\":{\"trial\":{\"executor\":\"worker\"}}}", "/spec/trial/command not-for-executor"},
	{"{\"spec\":{\"trial\":{\"executor\":\"worker\",\"command\":null,\"metrics\":{}}}}",
		"/spec/trial/metrics not-for-executor"},
	{"{\"spec\":{\"trial\":{\"executor\":null,\"command\":null}}}", "/spec/trial/command missing"},
	{"{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"namespace\":\"N\",\"nodeSelector\":[],"
	 "\"tolerations\":{}}}}",
		"/spec/trial/image missing\n"
		"/spec/trial/namespace bad-name\n"
		"/spec/trial/nodeSelector wrong-type\n"
		"/spec/trial/tolerations wrong-type"},
	{"{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"command\":null}}}", "/spec/trial/command missing"},
	{"{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"command\":null,\"manifest\":[]}}}",
		"/spec/trial/manifest wrong-type"},
	{"{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"command\":null,\"manifest\":{}}}}",
		"/spec/trial/manifest/apiVersion missing\n"
		"/spec/trial/manifest/kind missing\n"
		"/spec/trial/successWhen missing\n"
		"/spec/trial/failureWhen missing"},
	{"{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"command\":null,\"manifest\":{\"apiVersion\":\"v1\","
	 "\"kind\":\"Pod\"}}}}",
		"/spec/trial/successWhen missing\n"
		"/spec/trial/failureWhen missing\n"
		"/spec/trial/manifest/spec missing"},
	{"{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"command\":null,\"manifest\":{\"apiVersion\":"
	 "\"batch/v1\","
	 "\"kind\":\"Job\",\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[]}}}}}}}",
		"/spec/trial/manifest/spec/template/spec/containers missing"},
	{"{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"command\":null,\"manifest\":{\"apiVersion\":"
	 "\"batch/v1\","
	 "\"kind\":\"Job\",\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}"
	 "}}}}}",
		"/spec/trial/primaryContainer missing"},
	{"{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"command\":null,\"primaryContainer\":\"trian\","
	 "\"manifest\":{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\","
	 "\"containers\":[{\"name\":\"train\"}]}}}}}}}",
		"/spec/trial/primaryContainer unknown-container"},
	{"{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"image\":\"i\",\"resources\":{},\"manifest\":{"
	 "\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{"
	 "\"name\":\"train\"}]}}}}}}}",
		"/spec/trial/command not-with-manifest\n"
		"/spec/trial/resources not-with-manifest\n"
		"/spec/trial/image not-with-manifest"},
	{"{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"command\":null,\"manifest\":{\"apiVersion\":"
	 "\"batch/v1\","
	 "\"kind\":\"Job\",\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"train\","
	 "\"args\":[\"${x}\",\"${nope}\"]}]}}}}}}}",
		"/spec/trial/manifest/spec/template/spec/containers/0/args/1 unknown-placeholder"},
	{"{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"command\":null,\"manifest\":{\"apiVersion\":"
	 "\"batch/v1\","
	 "\"kind\":\"Job\",\"metadata\":{\"name\":\"x\",\"namespace\":\"y\"},\"spec\":{\"template\":{"
	 "\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"t\"}]}}}}}}}",
		"/spec/trial/manifest/metadata/name not-allowed\n"
		"/spec/trial/manifest/metadata/namespace not-allowed"},
	{"{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"command\":null,\"manifest\":{"
		"\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{"
		"\"name\":\"Train_1\"}]}}}}}}}",
		"/spec/trial/manifest/spec/template/spec/containers bad-name"},
	{"{\"spec\":{\"trial\":{\"metrics\":{\"collector\":\"pull\"}}}}",
		"/spec/trial/metrics/collector unknown-value"},
	{"{\"spec\":{\"trial\":{\"metrics\":{\"collector\":\"file\"}}}}", "/spec/trial/metrics/path missing"},
	{"{\"spec\":{\"trial\":{\"metrics\":{\"collector\":\"stdout\",\"path\":\"/x\"}}}}",
		"/spec/trial/metrics/path not-for-collector"},
	{"{\"spec\":{\"trial\":{\"metrics\":{\"collector\":\"stdout\",\"fallback\":\"file\"}}}}",
		"/spec/trial/metrics/fallback not-for-collector\n"
		"/spec/trial/metrics/path missing"},
	{"{\"spec\":{\"trial\":{\"metrics\":{\"fallback\":\"push\"}}}}",
		"/spec/trial/metrics/fallback unknown-value"},
	{"{\"spec\":{\"trial\":{\"metrics\":{\"collector\":\"none\",\"format\":\"json\"}}}}",
		"/spec/trial/metrics/format not-for-collector"},
	{"{\"spec\":{\"trial\":{\"metrics\":{\"collector\":\"stdout\",\"format\":\"json\",\"patterns\":[\"(a)=(b)"
	 "\"]}}}}",
		"/spec/trial/metrics/patterns not-for-format"},
	{"{\"spec\":{\"trial\":{\"metrics\":{\"collector\":\"stdout\",\"patterns\":[\"loss=(.*)\","
	 "\"(a\",\"(a)(b)\",\"[z-a]\",7]}}}}",
		"/spec/trial/metrics/patterns/4 wrong-type\n"
		"/spec/trial/metrics/patterns/0 bad-pattern\n"
		"/spec/trial/metrics/patterns/1 bad-pattern\n"
		"/spec/trial/metrics/patterns/3 bad-pattern"},
	{"{\"spec\":{\"trial\":{\"metrics\":{\"collector\":\"file\",\"path\":\"${nope}/x\"}}}}",
		"/spec/trial/metrics/path unknown-placeholder"},
	{"{\"spec\":{\"notify\":[{}]}}", "/spec/notify/0/url missing"},
	{"{\"spec\":{\"notify\":[{\"url\":\"ftp://example\"}]}}", "/spec/notify/0/url bad-url"},
	{"{\"spec\":{\"notify\":[{\"url\":\"https://example\",\"on\":[\"Suceeded\",7]}]}}",
		"/spec/notify/0/on/1 wrong-type\n"
		"/spec/notify/0/on/0 unknown-value"},
	{"{\"spec\":{\"notify\":[{\"url\":\"https://example\",\"on\":[]}]}}", "/spec/notify/0/on too-few"},
	{"{\"metadata\":{\"name\":\"A\"},\"spec\":{\"objectives\":[],\"parameters\":{\"x\":{\"min\":2}},"
	 "\"algorithm\":{\"name\":\"tep\"},\"budget\":{\"maxTrials\":0},\"trial\":{\"command\":[\"${"
	 "y}\"]},\"surprise\":1}}",
		"/spec/surprise unknown-field\n"
		"/spec/objectives too-few\n"
		"/spec/budget/maxTrials too-small\n"
		"/metadata/name bad-name\n"
		"/spec/parameters/x/min min-above-max\n"
		"/spec/algorithm/name unknown-algorithm\n"
		"/spec/trial/command/0 unknown-placeholder"},
};

static void test_every_problem_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct problems *p = ARENA_NEW(a, struct problems);
		struct spec_options opt = {.namespace = "default", .executor = EXECUTOR_LOCAL};
		const struct experiment_spec *s = NULL;
		problems_init(p, a);
		bool ok = spec_from_json(patched(a, cases[i].patch), &opt, a, &s, p, NULL);
		const char *found = problem_lines(p);
		if (ok || s != NULL || strcmp(found, cases[i].problems) != 0)
			fail_msg("%s\nexpected:\n%s\nfound:\n%s", cases[i].patch, cases[i].problems, found);
		for (size_t k = 0; k < p->n; k++) {
			assert_non_null(p->items[k].detail);
			assert_true(p->items[k].detail[0] != '\0');
		}
		arena_free(a);
	}
}

/* What was probably meant. */
static void test_did_you_mean(void **state)
{
	static const struct {
		const char *patch, *meant;
	} typos[] = {
		{"{\"spec\":{\"algorithm\":{\"name\":\"randm\"}}}", "random"},
		{"{\"spec\":{\"parameters\":{\"m\":{\"when\":{\"optt\":[\"sgd\"],\"opt\":null}}}}}", "opt"},
		{"{\"spec\":{\"parameters\":{\"m\":{\"when\":{\"opt\":[\"sdg\"]}}}}}", "sgd"},
		{"{\"spec\":{\"trial\":{\"command\":[\"${trial.nmae}\"]}}}", "trial.name"},
		{"{\"spec\":{\"objectives\":[{\"metric\":\"a\",\"direction\":\"minimise\"}]}}", "minimize"},
		{"{\"spec\":{\"bugdet\":{}}}", "budget"},
		{"{\"spec\":{\"algorithm\":{\"name\":\"grid\",\"settings\":{\"point_per_axis\":3}}}}",
			"points_per_axis"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(typos); i++) {
		struct arena *a = arena_new();
		struct problems *p = ARENA_NEW(a, struct problems);
		const struct experiment_spec *s;
		problems_init(p, a);
		assert_false(spec_from_json(patched(a, typos[i].patch), NULL, a, &s, p, NULL));
		assert_int_equal(p->n, 1);
		if (p->items[0].did_you_mean == NULL || strcmp(p->items[0].did_you_mean, typos[i].meant) != 0)
			fail_msg("%s: expected %s, got %s", typos[i].patch, typos[i].meant,
				p->items[0].did_you_mean != NULL ? p->items[0].did_you_mean : "nothing");
		arena_free(a);
	}
}

/* Documents that no patch can express. */
static void test_no_document(void **state)
{
	static const char *const texts[] = {"null", "7", "\"x\"", "[]", "{}"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct arena *a = arena_new();
		struct problems *p = ARENA_NEW(a, struct problems);
		const struct experiment_spec *s = NULL;
		problems_init(p, a);
		assert_false(spec_from_json(parse_text(a, texts[i]), NULL, a, &s, p, NULL));
		assert_null(s);
		assert_true(p->n > 0);
		arena_free(a);
	}
}

/* Hundreds of problems are counted, not kept; what cannot be judged any more is not judged wrongly. */
static void test_more_problems_than_are_kept(void **state)
{
	struct arena *a = arena_new();
	struct strbuf b;
	struct problems *p = ARENA_NEW(a, struct problems);
	const struct experiment_spec *s = NULL;
	(void)state;
	problems_init(p, a);
	strbuf_init(&b, SIZE_MAX);
	strbuf_puts(&b, "{\"metadata\":{\"name\":\"e\"},\"spec\":{\"objectives\":[],\"parameters\":{");
	for (int i = 0; i < 400; i++)
		strbuf_printf(&b, "%s\"p%d\":{\"type\":\"int\",\"min\":5,\"max\":1,\"when\":{\"p%d\":[7,8,9]}}",
			i > 0 ? "," : "", i, (i + 1) % 400);
	strbuf_puts(&b, "}}}");
	assert_false(spec_from_json(parse_text(a, b.data), NULL, a, &s, p, NULL));
	assert_null(s);
	assert_int_equal(p->n, PROBLEMS_MAX);
	assert_true(p->total >= PROBLEMS_MAX);
	strbuf_free(&b);
	arena_free(a);
}

/* Names as long as the document, over many things that each could name them in a pointer. */
static void test_hostile_names_cost_little(void **state)
{
	enum { NAME = 300000, LEAVES = 40000 };
	static const struct { const char *before, *leaf, *after; } hostile[] = {
		{"\"trial\":{\"executor\":\"kubernetes\",\"manifest\":{\"", "\"a\"", "}}"},
		{"\"trial\":{\"executor\":\"kubernetes\",\"manifest\":{\"", "\"${y}\"", "}}"},
		{"\"parameters\":{\"", "1", "}"},
		{"\"algorithm\":{\"name\":\"random\",\"settings\":{\"", "1", "}}"},
		{"\"trial\":{\"command\":[\"run\"],\"env\":{\"", "1", "}}"},
		{"\"initialTrials\":[{\"parameters\":{\"", "1", "}}]"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		struct arena *a = arena_new();
		struct problems *p = ARENA_NEW(a, struct problems);
		const struct experiment_spec *s = NULL;
		struct strbuf b;
		problems_init(p, a);
		strbuf_init(&b, SIZE_MAX);
		strbuf_puts(&b, "{\"metadata\":{\"name\":\"e\"},\"spec\":{");
		if (strncmp(hostile[i].before, "\"parameters", 11) != 0)
			strbuf_puts(&b, "\"parameters\":{\"x\":{\"type\":\"int\",\"min\":1,\"max\":2}},");
		strbuf_puts(&b, hostile[i].before);
		for (int k = 0; k < NAME; k++)
			strbuf_putc(&b, 'k');
		strbuf_puts(&b, "\":{");
		for (int k = 0; k < LEAVES; k++)
			strbuf_printf(&b, "%s\"%d\":%s", k > 0 ? "," : "", k, hostile[i].leaf);
		strbuf_printf(&b, "}%s}}", hostile[i].after);
		assert_false(spec_from_json(parse_text(a, b.data), NULL, a, &s, p, NULL));
		if (arena_size(a) > (size_t)64 << 20)
			fail_msg("case %zu took %zu MiB", i, arena_size(a) >> 20);
		for (size_t k = 0; k < p->n; k++)
			assert_true(strlen(p->items[k].pointer) < 1000);
		strbuf_free(&b);
		arena_free(a);
	}
}

int main(void)
{
	assert_true(ARRAY_LEN(cases) >= 120);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_problem_is_found),
		cmocka_unit_test(test_did_you_mean),
		cmocka_unit_test(test_no_document),
		cmocka_unit_test(test_more_problems_than_are_kept),
		cmocka_unit_test(test_hostile_names_cost_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
