SRC_algorithms := $(wildcard algorithms/*.c algorithms/*/*.c)
# The one file whose loops must be vectorised, with fused multiplication where there is one.
$(O)/algorithms/gp/kernel.o: OPT += -O3 -ffp-contract=fast
