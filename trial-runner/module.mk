SRC_runner := $(wildcard trial-runner/*.c trial-runner/*/*.c)
