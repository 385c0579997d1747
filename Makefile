# trimtab: one non-recursive Makefile. Each room names its sources in its own module.mk; how they are
# compiled, tested and installed is in mk/. `make help` lists what can be asked for.
.DEFAULT_GOAL := all

include mk/variant.mk
include mk/packages.mk

include lib/module.mk algorithms/module.mk server/model/module.mk server/store/module.mk \
        trial-runner/module.mk server/control/module.mk server/api/module.mk cli/module.mk \
        server/module.mk

include mk/compile.mk tests/module.mk
include mk/test.mk mk/cluster.mk
include mk/install.mk mk/demo.mk mk/bench.mk

clean: ## Remove everything that was built
	rm -rf build

help: ## Show this list
	@echo 'make [TARGET] [BUILD=release|debug|cover] [SAN=address,undefined|thread] [CC=clang] [V=1]'
	@echo
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: all clean help
.DELETE_ON_ERROR:
