demo: ## Tune a real model on real data, here and now; installs what it needs
	@tools/setup demo
	@+$(MAKE) --no-print-directory -s $(O)/trimtab
	@tools/demo $(O)/trimtab

docs: $(O)/trimtab ## Write docs/reference/ and the settings of algorithms and rules from the tables of the program
	@mkdir -p docs/reference
	@$(O)/trimtab __document markdown > docs/reference/cli.md
	@echo "  docs/reference/cli.md"
	@$(O)/trimtab __document algorithms | $(PYTHON) tools/settings-tables docs/algorithms.md
	@echo "  docs/algorithms.md"
	@$(O)/trimtab __document early-stopping | $(PYTHON) tools/settings-tables docs/early-stopping.md
	@echo "  docs/early-stopping.md"

.PHONY: demo docs
