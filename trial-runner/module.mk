SRC_runner := $(wildcard trial-runner/*.c)
