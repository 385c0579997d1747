SRC_lib := $(wildcard lib/*.c)
