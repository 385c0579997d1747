SRC_control := $(wildcard server/control/*.c)
