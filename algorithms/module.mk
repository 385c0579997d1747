SRC_algorithms := $(wildcard algorithms/*.c algorithms/*/*.c)
