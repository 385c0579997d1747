/* What server and launcher say over their socket: one message a call, kind and folder (with its
 * NUL); one answer a call, in order, a pidfd attached when a process was made. */
#pragma once
#include <stdint.h>

#define LAUNCHER_COMMAND "__supervise"

enum {
	LAUNCHER_FD = 3,
	LAUNCHER_RUN = 'R',
	LAUNCHER_REMOVE = 'X',
	LAUNCHER_MESSAGE_MAX = 4200,
};

struct launcher_answer {
	int32_t pid;
	int32_t error;                  /* errno; 0 with a pid */
};
