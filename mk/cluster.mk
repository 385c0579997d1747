# A real single-node Kubernetes for the tests, built from its Go modules and kept in the user's cache.
NEWEST         := 1.36.3
OLDEST         := 1.20.2
OPERATOR_TESTS := $(sort $(wildcard tests/cluster/test_operator*.py))
CLUSTER_TESTS  := $(sort $(filter-out $(OPERATOR_TESTS),$(wildcard tests/cluster/test_*.py)))
CLUSTER_RUN    := $(PYTHON) -B tests/cluster/command.py

cluster-up: ## Start a Kubernetes of one node here and print what to export
	@tools/setup cluster
	@$(CLUSTER_RUN) up

cluster-down: ## Stop what cluster-up started, or CLUSTER=folder alone
	@$(CLUSTER_RUN) down $(CLUSTER)

test-cluster: $(O)/trimtab ## The tests on a real Kubernetes, as root; its programs are built the first time
	$(call cluster_tests,cluster,$(NEWEST),$(CLUSTER_TESTS))

test-oldest: $(O)/trimtab ## The same on Kubernetes 1.20
	$(call cluster_tests,oldest,$(OLDEST),$(CLUSTER_TESTS))

test-operators: $(O)/trimtab ## Kinds of other projects with their own operators: a first build takes half an hour
	@if [ "$$(id -u)" = 0 ]; then tools/setup cluster && $(CLUSTER_RUN) operators || true; fi
	$(call cluster_tests,cluster,$(NEWEST),$(OPERATOR_TESTS))

# Purpose of tools/setup, version, suites. Where there can be no cluster the tests say so themselves.
define cluster_tests
@if [ "$$(id -u)" = 0 ]; then tools/setup $(1) && $(CLUSTER_RUN) build --kubernetes $(2) || true; fi
@TRIMTAB_KUBERNETES=$(2) $(RUN) --jobs 1 $(3)
endef

.PHONY: cluster-up cluster-down test-cluster test-oldest test-operators
