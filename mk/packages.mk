# The flags of the libraries, asked once and kept in build/packages.mk. Where that file is missing
# or older than tools/setup, make installs the packages, writes it and starts over; otherwise a
# build neither runs the package manager nor touches the network.
PKGS := libevent libevent_openssl libpq libcurl libcjson gsl libfyaml libssl libcrypto zlib

# These need no compiler: they must work on a machine where nothing is installed.
BARE_GOALS := clean help uninstall
ifneq ($(filter-out $(BARE_GOALS),$(or $(MAKECMDGOALS),all)),)
include build/packages.mk
endif

build/packages.mk: tools/setup mk/packages.mk
	@tools/setup build
	@mkdir -p build
	@cflags=$$(pkg-config --cflags $(PKGS)) && libs=$$(pkg-config --libs $(filter-out gsl,$(PKGS))) && \
	printf 'PKG_CFLAGS := %s\nPKG_LIBS := %s\n' "$$cflags" "$$libs" > $@

CPPFLAGS  += -I. -I$(O)/gen $(PKG_CFLAGS)
ALL_CFLAGS = $(CSTD) $(WARNINGS) $(HARDEN) $(OPT) $(CPPFLAGS) $(CFLAGS)
# GSL over OpenBLAS: five to twelve times faster than GSL's own BLAS.
LIBS      := $(PKG_LIBS) -lgsl -lopenblas -lm -lpthread
