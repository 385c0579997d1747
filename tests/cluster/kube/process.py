"""Small things about processes that are not our children, and waiting."""
import contextlib
import time


def read(path):
    with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as f:
        return f.read()
    return ""


def tail(path, lines=25):
    return "".join("    " + line + "\n" for line in read(path).splitlines()[-lines:])


def stat(pid):
    """The words of /proc/PID/stat from the state on; none if there is no such process."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return f.read().rpartition(")")[2].split()
    return []


def identity(pid):
    """A process's number and the time of its start, by which it is told from a later one of the same number;
    an empty text if it is not there, or only as what its parent has not looked at."""
    words = stat(pid)
    return f"{pid} {words[19]}" if words and words[0] not in "ZX" else ""


def parent_of(pid):
    words = stat(pid)
    return int(words[1]) if words else 0


def children_of(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(word) for word in f.read().split()]
    return []


def wait(condition, what, deadline, every=0.05):
    """The first true value of condition(); fails with `what` (a text, or what makes one) when none came."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"in {deadline} s it did not happen that {what() if callable(what) else what}")
        time.sleep(every)
