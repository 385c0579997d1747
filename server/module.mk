SRC_server := $(wildcard server/*.c)
