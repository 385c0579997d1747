/* The one list of commands, in the order of the help. A new command is one file and one line here. */
#include "cli/command.h"

#define COMMANDS(X)                                                                                          \
	X(serve)                                                                                                 \
	X(run) X(create) X(apply) X(validate) X(get) X(describe) X(best) X(importance) X(watch) X(logs) X(stop) X(cancel)      \
	    X(pause) X(resume) X(restart) X(delete) X(edit) X(retry) X(enqueue) X(import) X(ask) X(tell)         \
	        X(report) X(export) X(sql) X(algorithms) X(explain) X(token) X(completion) X(doctor) X(version) X(help) \
	            X(complete) X(document)

#define X(name) extern const struct command cmd_##name;
COMMANDS(X)
#undef X

const struct command *const commands[] = {
#define X(name) &cmd_##name,
    COMMANDS(X)
#undef X
        NULL,
};
