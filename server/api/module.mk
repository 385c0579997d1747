SRC_api := $(wildcard server/api/*.c)
