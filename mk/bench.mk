# Benchmarks: each prints a table with the targets beside what was measured and keeps the figures
# under bench/results. BENCH_QUICK=1 makes them short and keeps nothing.
BENCH_BIN := $(O)/bench/load $(O)/bench/bare
BENCH_RUN := TRIMTAB_BENCH=$(O)/bench $(PYTHON)
PEERS     := build/bench-venv/peers

$(O)/bench/%: bench/%.c
	@mkdir -p $(@D)
	$(call say,cc $<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP $(LINK) $(LDFLAGS) -o $@ $< -lpq

$(PEERS): bench/peers.txt
	@tools/setup bench
	@$(PYTHON) -m venv --clear build/bench-venv
	@build/bench-venv/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The search benchmark: its problems, as a shared library too, and the program that runs our algorithms.
SEARCH_PROBLEMS := $(addprefix bench/search/,problem files functions bbob mixed planted multi noisy tables yahpo yahpo_best curves)
SEARCH_RUNNER   := $(addprefix bench/search/,run study memory results report timing)
SEARCH_LIB      := $(O)/bench/libtrimtab-problems.so

$(O)/pic/%.o: %.c
	@mkdir -p $(@D)
	$(call say,cc $<)
	$(Q)$(CC) $(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC -MMD -MP -c -o $@ $<
$(O)/libproblems.a: $(SEARCH_PROBLEMS:%=$(O)/%.o)
	@mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^
$(O)/search-run: $(SEARCH_RUNNER:%=$(O)/%.o) $(O)/libproblems.a $(O)/libalgorithms.a
	$(call say,ld $@)
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS)
$(SEARCH_LIB): $(SEARCH_PROBLEMS:%=$(O)/pic/%.o) $(O)/pic/algorithms/rng.o $(O)/pic/algorithms/multi/hypervolume.o
	@mkdir -p $(@D)
	$(call say,ld $@)
	$(Q)$(CC) $(filter-out -pie,$(LINK)) -shared $(LDFLAGS) -o $@ $^ -lm

search-run: $(O)/search-run $(SEARCH_LIB)

$(O)/bench-gp: $(O)/bench/gp.o $(O)/libalgorithms.a
	$(call say,ld $@)
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS)

bench-gp: $(O)/bench-gp ## What the Gaussian process costs, part by part
	@OPENBLAS_NUM_THREADS=1 $<

# The benchmark of early stopping: the same problems, in simulated time.
$(O)/stopping-run: $(addprefix $(O)/bench/,stopping/run.o stopping/sim.o stopping/decide.o search/study.o search/memory.o) $(O)/libproblems.a $(O)/libalgorithms.a
	$(call say,ld $@)
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS)

# The peers' environments. BENCH_PIP: further options of pip, for an index whose torch is small.
SEARCH_PEERS := build/search-venv/peers
SEARCH_SLOW  := build/search-venv/slow build/hebo-venv/peers
PIP          := bin/pip install --quiet --disable-pip-version-check --prefer-binary $(BENCH_PIP)
$(SEARCH_PEERS): bench/search/peers.txt
	@tools/setup bench
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/$(PIP) -r $<
	@touch $@
build/search-venv/slow: bench/search/peers-slow.txt $(SEARCH_PEERS)
	@$(@D)/$(PIP) -r $<
	@touch $@
build/hebo-venv/peers: bench/search/peers-hebo.txt
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/$(PIP) -r $<
	@touch $@

bench-search: search-run $(SEARCH_PEERS) $(if $(BENCH_FULL),$(SEARCH_SLOW)) ## Search results beside the peers', and the gates; BENCH_FULL=1: all
	@TRIMTAB_SEARCH_RUN=$(CURDIR)/$(O)/search-run TRIMTAB_SEARCH_LIBRARY=$(CURDIR)/$(SEARCH_LIB) $(PYTHON) bench/search/bench.py

bench-stopping: $(O)/stopping-run $(SEARCH_LIB) $(SEARCH_PEERS) ## Early stopping in simulated time: regret, what rules save, what judging costs
	@TRIMTAB_STOPPING_RUN=$(CURDIR)/$(O)/stopping-run TRIMTAB_SEARCH_LIBRARY=$(CURDIR)/$(SEARCH_LIB) $(PYTHON) bench/stopping/bench.py

bench-setup:
	@tools/setup bench
	@+$(MAKE) --no-print-directory $(O)/trimtab $(BENCH_BIN)

BENCHES := bench-reports bench-peers bench-loop bench-suggest bench-idle bench-lists
bench: ## All benchmarks, one after the other: a quarter of an hour on an idle machine
	@+for b in $(BENCHES); do $(MAKE) --no-print-directory $$b || exit 1; done

bench-reports: bench-setup ## Reports committed a second, beside bare COPY and INSERT in the same run
	@$(BENCH_RUN) bench/reports.py

bench-peers: bench-setup $(PEERS) ## Reports, ask and tell beside Optuna on the same PostgreSQL
	@$(BENCH_RUN) bench/peers.py

bench-loop: bench-setup ## 10,000 simulated trials, and from a trial's end to the next one's start
	@$(BENCH_RUN) bench/loop.py

bench-suggest: bench-setup ## The longest pass of the event loop while 20 experiments suggest at 500 trials
	@$(BENCH_RUN) bench/suggest.py

bench-idle: bench-setup ## Processor and memory of an idle server with 1,000 finished experiments
	@$(BENCH_RUN) bench/idle.py

bench-lists: bench-setup ## Lists and pages of trials among 1,000,000 stored
	@$(BENCH_RUN) bench/lists.py

bench-kubernetes: bench-setup ## Trials on a real Kubernetes beside a plain Job and kubectl, as root
	@tools/setup cluster
	@$(CLUSTER_RUN) build
	@$(BENCH_RUN) bench/kubernetes.py

.PHONY: bench bench-setup bench-kubernetes bench-gp search-run bench-search bench-stopping $(BENCHES)
