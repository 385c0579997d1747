# Installation below $(DESTDIR)$(PREFIX).
PREFIX  ?= /usr/local
DESTDIR ?=
BIN     := $(DESTDIR)$(PREFIX)/bin/trimtab
COLLECT := $(DESTDIR)$(PREFIX)/bin/trimtab-collect
MAN     := $(DESTDIR)$(PREFIX)/share/man/man1/trimtab.1
BASHC   := $(DESTDIR)$(PREFIX)/share/bash-completion/completions/trimtab
ZSHC    := $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_trimtab
FISHC   := $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/trimtab.fish
UNIT    := $(DESTDIR)$(PREFIX)/lib/systemd/system/trimtab.service

$(O)/trimtab.1: $(O)/trimtab
	@$< __document man > $@

install: $(O)/trimtab $(O)/trimtab-collect $(O)/trimtab.1 ## Install programs, man page, completions and systemd unit (DESTDIR, PREFIX)
	install -D -m 755 $(O)/trimtab $(BIN)
	install -D -m 755 -s $(O)/trimtab-collect $(COLLECT)
	install -D -m 644 $(O)/trimtab.1 $(MAN)
	@mkdir -p $(dir $(BASHC) $(ZSHC) $(FISHC) $(UNIT))
	$(O)/trimtab completion bash > $(BASHC)
	$(O)/trimtab completion zsh > $(ZSHC)
	$(O)/trimtab completion fish > $(FISHC)
	sed 's|@PREFIX@|$(PREFIX)|' deploy/systemd/trimtab.service.in > $(UNIT)
	@chmod 644 $(BASHC) $(ZSHC) $(FISHC) $(UNIT)

uninstall: ## Remove what install put there
	rm -f $(BIN) $(COLLECT) $(MAN) $(BASHC) $(ZSHC) $(FISHC) $(UNIT)

.PHONY: install uninstall
