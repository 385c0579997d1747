demo: ## Tune a real model on real data, here and now; installs what it needs
	@tools/setup demo
	@+$(MAKE) --no-print-directory -s $(O)/trimtab
	@tools/demo $(O)/trimtab

docs: $(O)/trimtab ## Write docs/reference/ from the tables of the program
	@mkdir -p docs/reference
	@$(O)/trimtab __document markdown > docs/reference/cli.md
	@echo "  docs/reference/cli.md"

.PHONY: demo docs
