SRC_store := $(wildcard server/store/*.c)
