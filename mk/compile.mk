# One static archive per floor, from the top down: the link order proves that no room uses one above.
FLOORS := cli server api control runner store model algorithms lib
define archive
$(O)/lib$(1).a: $$(SRC_$(1):%.c=$(O)/%.o) $$(GEN_$(1):$(O)/gen/%.c=$(O)/gen/%.o)
	@mkdir -p $$(@D) && rm -f $$@ && $$(AR) rcs $$@ $$^
endef
$(foreach f,$(FLOORS),$(eval $(call archive,$(f))))
ARCHIVES := $(FLOORS:%=$(O)/lib%.a)

all: $(O)/trimtab $(O)/trimtab-collect ## Build the programs (the default); installs missing packages first

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,cc $<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(O)/gen/%.o: $(O)/gen/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/trimtab: $(O)/cli/main.o $(ARCHIVES)
	$(call say,ld $@)
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $< $(ARCHIVES) $(LIBS)

# Copied into the images of trials: it brings along all it needs. Sanitizers cannot.
STATIC := $(if $(SAN)$(filter-out release debug,$(BUILD)),$(LINK),$(filter-out -pie,$(LINK)) -static-pie)
$(O)/trimtab-collect: $(O)/trial-runner/collect/main.o $(O)/librunner.a $(O)/libmodel.a $(O)/liblib.a
	$(call say,ld $@)
	$(Q)$(CC) $(STATIC) $(LDFLAGS) -o $@ $^ -lm

-include $(shell find $(O) -name '*.d' 2>/dev/null)
