# trimtab: one non-recursive Makefile. Each room adds its sources in its own module.mk.
comma   := ,
BUILD   ?= release
VARIANT := $(if $(SAN),san-$(subst $(comma),-,$(SAN)),$(BUILD))
O       := build/$(VARIANT)

CSTD     := -std=c17 -D_GNU_SOURCE
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wswitch-enum \
            -Wimplicit-fallthrough
HARDEN   := -fno-common -fno-math-errno -fstack-protector-strong -fcf-protection
OPT_release := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -ftrivial-auto-var-init=zero -fPIE
OPT_debug   := -Og -g3 -DTRIMTAB_DEBUG -fPIE
OPT         := $(if $(SAN),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all -DTRIMTAB_DEBUG,$(OPT_$(BUILD)))
LINK        := $(if $(SAN),-fsanitize=$(SAN),-pie -Wl,-z,relro,-z,now)

PKGS     := libevent libevent_openssl libpq libcurl libcjson gsl libfyaml libssl libcrypto zlib
CPPFLAGS += -I. -I$(O)/gen $(shell pkg-config --cflags $(PKGS))
ALL_CFLAGS = $(CSTD) $(WARNINGS) $(HARDEN) $(OPT) $(CPPFLAGS) $(CFLAGS)
LIBS     := $(shell pkg-config --libs $(filter-out gsl,$(PKGS))) -lgsl -lopenblas -lm -lpthread

all: $(O)/trimtab

# From the top floor down: the link order proves that no room uses one above it.
FLOORS := cli server api control runner store model algorithms lib
ARCHIVES := $(FLOORS:%=$(O)/lib%.a)

include lib/module.mk algorithms/module.mk server/model/module.mk server/store/module.mk \
        trial-runner/module.mk server/control/module.mk server/api/module.mk cli/module.mk \
        server/module.mk tests/module.mk

define archive
$(O)/lib$(1).a: $$(SRC_$(1):%.c=$(O)/%.o) $$(GEN_$(1):$(O)/gen/%.c=$(O)/gen/%.o)
	@rm -f $$@ && $$(AR) rcs $$@ $$^
endef
$(foreach f,$(FLOORS),$(eval $(call archive,$(f))))

$(O)/%.o: %.c
	@mkdir -p $(@D)
	@$(if $(V),,echo "  cc $<")
	$(if $(V),,@)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(O)/gen/%.o: $(O)/gen/%.c
	@mkdir -p $(@D)
	$(if $(V),,@)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/trimtab: $(O)/cli/main.o $(ARCHIVES)
	@$(if $(V),,echo "  ld $@")
	$(if $(V),,@)$(CC) $(LINK) $(LDFLAGS) -o $@ $< $(ARCHIVES) $(LIBS)

clean:
	rm -rf build

-include $(shell find $(O) -name '*.d' 2>/dev/null)
.PHONY: all clean
.DELETE_ON_ERROR:

# What must hold before anything reaches main: every room compiles, every unit test passes.
land-check: unit $(O)/trimtab
.PHONY: land-check
