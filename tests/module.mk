# Each tests/unit/<room>/test_*.c is one cmocka program, linked with the room's floor and those below.
UNIT_SRC  := $(wildcard tests/unit/*/test_*.c)
UNIT_BIN  := $(UNIT_SRC:%.c=$(O)/%)
$(O)/tests/unit/%: $(O)/tests/unit/%.o $(ARCHIVES)
	$(if $(V),,@)$(CC) $(LINK) $(LDFLAGS) -o $@ $< $(ARCHIVES) $(LIBS) -lcmocka
unit: $(UNIT_BIN)
	@for t in $(UNIT_BIN); do $$t || exit 1; done
.PHONY: unit
.SECONDARY: $(UNIT_SRC:%.c=$(O)/%.o)
