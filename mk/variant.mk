# What is built and with which flags. Every variant has its own folder, so that they never mix:
# build/release, build/debug-clang, build/san-address-undefined, ...
comma   := ,
BUILD   ?= release
VARIANT := $(if $(SAN),san-$(subst $(comma),-,$(SAN)),$(BUILD))$(if $(findstring clang,$(CC)),-clang)
O       := build/$(VARIANT)

CSTD     := -std=c17 -D_GNU_SOURCE
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wswitch-enum \
            -Wimplicit-fallthrough
HARDEN   := -fno-common -fno-math-errno -fstack-protector-strong -fcf-protection
# clang 14 asks for a second flag before it clears automatic variables, gcc 12 does not know it.
CLEAR    := $(if $(findstring clang,$(CC)),,-ftrivial-auto-var-init=zero)

OPT_release := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 $(CLEAR) -fPIE
OPT_debug   := -Og -g3 -DTRIMTAB_DEBUG -fPIE
OPT_cover   := -O0 -g --coverage -DTRIMTAB_DEBUG -fPIE
OPT_fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
               -fno-sanitize-recover=all -DTRIMTAB_DEBUG -fPIE
OPT_san     := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all -DTRIMTAB_DEBUG -fPIE
LINK_cover  := --coverage
LINK_fuzz   := -fsanitize=address,undefined
LINK_san    := -fsanitize=$(SAN)

KIND := $(if $(SAN),san,$(BUILD))
ifndef OPT_$(KIND)
$(error BUILD=$(BUILD) is not a variant: use release, debug, cover or fuzz)
endif
OPT  := $(OPT_$(KIND))
LINK := $(LINK_$(KIND)) -pie -Wl,-z,relro,-z,now

Q := $(if $(V),,@)
silent := $(findstring s,$(firstword -$(MAKEFLAGS)))
say = $(if $(V)$(silent),@:,@echo "  $(1)")
