SRC_runner := $(filter-out trial-runner/collect/main.c,$(wildcard trial-runner/*.c trial-runner/*/*.c))
