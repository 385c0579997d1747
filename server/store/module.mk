SRC_store := $(wildcard server/store/*.c)

# Every SQL text comes from sql/: statements as a table with an enum, the rest as texts.
SQL_QUERIES := $(sort $(wildcard sql/queries/*.sql))
SQL_FILES   := $(sort $(wildcard sql/setup/*.sql sql/migrations/*.sql)) $(sort $(wildcard sql/public/*.sql))
GEN_store   := $(O)/gen/stmt.c $(O)/gen/sql_texts.c

$(O)/gen/stmt.c: sql/stmt.awk $(SQL_QUERIES)
	@mkdir -p $(@D)
	$(Q)LC_ALL=C awk -v out=$(@D) -f sql/stmt.awk $(SQL_QUERIES)
$(O)/gen/stmt.h: $(O)/gen/stmt.c ;
$(O)/gen/sql_texts.c: sql/embed.awk $(SQL_FILES)
	@mkdir -p $(@D)
	$(Q)LC_ALL=C awk -f sql/embed.awk $(SQL_FILES) > $@
$(SRC_store:%.c=$(O)/%.o) $(GEN_store:%.c=%.o): | $(O)/gen/stmt.h

$(O)/bench/store: $(O)/bench/store.o $(O)/libstore.a $(O)/libmodel.a $(O)/libalgorithms.a $(O)/liblib.a
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS)
bench-store: $(O)/bench/store ## Points a second beside COPY, and pages among a million trials
	@$<
.PHONY: bench-store
