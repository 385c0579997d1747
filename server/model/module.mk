SRC_model := $(wildcard server/model/*.c)
