SRC_algorithms := $(wildcard algorithms/*.c)
