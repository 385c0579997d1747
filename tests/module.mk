# Each tests/unit/<room>/test_*.c is one cmocka program, linked with its room's floor and those below
# only: a test that needs a room above does not link.
UNIT_SRC := $(sort $(wildcard tests/unit/*/test_*.c))
UNIT_BIN := $(UNIT_SRC:%.c=$(O)/%)

TEST_FLOORS_lib        := lib
TEST_FLOORS_algorithms := algorithms
TEST_FLOORS_bench      := problems algorithms
TEST_FLOORS_model      := model algorithms lib
TEST_FLOORS_store      := store model algorithms lib
TEST_FLOORS_runner     := runner model algorithms lib
TEST_FLOORS_control    := control runner store model algorithms lib
TEST_FLOORS_api        := api $(TEST_FLOORS_control)
TEST_FLOORS_server     := server $(TEST_FLOORS_api)
TEST_FLOORS_cli        := cli model algorithms lib
# What a room's tests share: its other sources.
unit_helpers = $(patsubst %.c,$(O)/%.o,$(filter-out tests/unit/$(1)/test_%,$(wildcard tests/unit/$(1)/*.c)))
define unit_room
$(filter $(O)/tests/unit/$(1)/%,$(UNIT_BIN)): $(O)/%: $(O)/%.o $(call unit_helpers,$(1)) $(TEST_FLOORS_$(1):%=$(O)/lib%.a)
	$$(Q)$$(CC) $$(LINK) $$(LDFLAGS) -o $$@ $$^ $$(LIBS) -lcmocka
endef
UNIT_ROOMS := $(sort $(foreach b,$(UNIT_SRC),$(word 3,$(subst /, ,$(b)))))
$(foreach r,$(UNIT_ROOMS),$(if $(TEST_FLOORS_$(r)),,$(error tests/unit/$(r): no such room)))
$(foreach r,$(UNIT_ROOMS),$(eval $(call unit_room,$(r))))

# Each tests/fuzz/fuzz_*.c is a fuzzer under clang, and under any compiler a program that replays the
# files of tests/fuzz/corpus/<name>/.
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN   := $(FUZZ_SRC:%.c=$(O)/%)
REPLAY_BIN := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(O)/tests/fuzz/replay_%)
$(REPLAY_BIN): $(O)/tests/fuzz/replay_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/replay.o $(ARCHIVES)
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS)
$(FUZZ_BIN): $(O)/tests/fuzz/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(ARCHIVES)
	$(call say,ld $@)
	$(Q)$(CC) $(LINK) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS)

.SECONDARY: $(UNIT_SRC:%.c=$(O)/%.o) $(FUZZ_SRC:%.c=$(O)/%.o) $(O)/tests/fuzz/replay.o

# What tests/cluster drives besides the server: the Kubernetes client by hand.
PROBE_BIN := $(O)/tests/cluster/probe
$(PROBE_BIN): $(O)/tests/cluster/probe.o $(O)/librunner.a $(O)/libmodel.a $(O)/libalgorithms.a $(O)/liblib.a
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS)
test-cluster test-oldest: $(PROBE_BIN) $(O)/trimtab-collect
