# Tests, lint, fuzzing, coverage. tests/module.mk says what the test programs are.
PYTHON       ?= $(firstword $(wildcard /usr/bin/python3) python3)
FUZZ_SECONDS ?= 60
RUN          := $(PYTHON) tests/run $(if $(TALLY),--tally $(TALLY))
E2E          := $(sort $(wildcard tests/e2e/test_*.py))
UNIT_PY      := $(sort $(wildcard tests/unit/*/test_*.py))
E2E_QUICK    := $(sort $(shell grep -ls '^\# tier: quick' tests/e2e/test_*.py))

export TRIMTAB_BIN := $(CURDIR)/$(O)/trimtab
export ASAN_OPTIONS ?= detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS ?= print_stacktrace=1
export TSAN_OPTIONS ?= halt_on_error=1

unit: $(UNIT_BIN) ## Build and run the unit tests of this variant
	@$(RUN) $(UNIT_BIN) $(UNIT_PY)

# Thread sanitizer: what runs on worker threads.
unit-threads: $(filter $(O)/tests/unit/algorithms/% $(O)/tests/unit/lib/test_work%,$(UNIT_BIN))
	@$(RUN) $^

test-programs: $(UNIT_BIN) $(REPLAY_BIN)

corpus: $(REPLAY_BIN) ## Replay the fuzzers' corpora (any compiler)
	@$(RUN) $(foreach b,$(REPLAY_BIN),"$(b) tests/fuzz/corpus/$(b:$(O)/tests/fuzz/replay_%=%)")

e2e: $(O)/trimtab $(O)/trimtab-collect ## Run the end-to-end tests of this variant
	@$(RUN) $(E2E)

e2e-quick: $(O)/trimtab
	@$(RUN) $(E2E_QUICK)

check: $(O)/trimtab $(UNIT_BIN) $(REPLAY_BIN) ## Under two minutes: build, unit tests, quick end-to-end tests, quick lint
	@tools/setup test
	@$(RUN) $(UNIT_BIN) $(foreach b,$(REPLAY_BIN),"$(b) tests/fuzz/corpus/$(b:$(O)/tests/fuzz/replay_%=%)") \
		$(E2E_QUICK) "$(PYTHON) tests/lint/lint.py --quick"

test: ## Everything: all tests, lint, sanitizers, coverage; installs what the tests need
	@tools/setup test lint
	@+MAKE="$(MAKE)" PYTHON="$(PYTHON)" sh tests/all

# What must hold before anything reaches main: every room compiles, every unit test passes.
land-check: unit $(O)/trimtab

lint: ## Floors, banned functions, sizes, drift, format, analysers, both compilers' warnings
	@tools/setup lint
	@$(RUN) "$(PYTHON) tests/lint/lint.py"

cover: ## Line coverage of lib, model, control and store; fails below 85 %
	@tools/setup test
	@+$(MAKE) --no-print-directory BUILD=cover SAN= cover-run
# A test that fails here has failed, and was counted, in its own phase: the lines are counted all the same.
cover-run: $(O)/trimtab $(O)/trimtab-collect $(UNIT_BIN) $(REPLAY_BIN)
	@find $(O) -name '*.gcda' -delete
	@-$(PYTHON) tests/run --quiet $(UNIT_BIN) $(foreach b,$(REPLAY_BIN),"$(b) tests/fuzz/corpus/$(b:$(O)/tests/fuzz/replay_%=%)") $(E2E)
	@$(RUN) --show "$(PYTHON) tests/coverage $(O)"

fuzz: ## Run every fuzzer FUZZ_SECONDS (60) each with clang; FUZZ=name runs one
	@tools/setup fuzz
	@+$(MAKE) --no-print-directory BUILD=fuzz SAN= CC=clang fuzz-run
FUZZ_NAMES := $(if $(FUZZ),$(FUZZ),$(FUZZ_SRC:tests/fuzz/fuzz_%.c=%))
fuzz-run: $(FUZZ_NAMES:%=fuzz-run-%)
fuzz-run-%: $(O)/tests/fuzz/fuzz_%
	@mkdir -p $(O)/corpus/$* $(O)/findings
	@echo "  fuzz $* for $(FUZZ_SECONDS) s"
	@$< -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -artifact_prefix=$(O)/findings/$*- \
		$(addprefix -dict=,$(wildcard tests/fuzz/$*.dict)) -verbosity=0 -print_final_stats=1 \
		$(O)/corpus/$* tests/fuzz/corpus/$* > $(O)/$*.log 2>&1 || \
		{ tail -40 $(O)/$*.log; exit 1; }
	@grep -h '^stat::number_of_executed_units' $(O)/$*.log | sed 's/.*: */    executions: /'

format: ## Lay out with clang-format the lines that differ from the last commit
	@git clang-format --force --quiet || true

.PHONY: unit test-programs unit-threads corpus e2e e2e-quick check test land-check lint cover cover-run fuzz fuzz-run format
