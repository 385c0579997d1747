SRC_cli := $(filter-out cli/main.c,$(wildcard cli/*.c))
