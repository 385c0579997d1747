"""Rules that are read off the text of the sources."""
import functools
import os
import re
import subprocess

# A room may include itself and the rooms below it. The longest matching prefix names the room.
LIB, ALGORITHMS, MODEL, STORE, RUNNER, CONTROL, API, SERVER, CLI = (
    "lib", "algorithms", "server/model", "server/store", "trial-runner", "server/control", "server/api", "server",
    "cli")
FLOORS = {
    LIB: [],
    ALGORITHMS: [],
    MODEL: [LIB, ALGORITHMS],
    STORE: [LIB, MODEL],
    RUNNER: [LIB, MODEL],
    CONTROL: [LIB, ALGORITHMS, MODEL, STORE, RUNNER],
    API: [LIB, ALGORITHMS, MODEL, STORE, RUNNER, CONTROL],
    SERVER: [LIB, ALGORITHMS, MODEL, STORE, RUNNER, CONTROL, API],
    CLI: [LIB, ALGORITHMS, MODEL],
}
# main() chooses between the commands, the server and a trial's supervisor.
EXCEPTIONS = {"cli/main.c": [SERVER, RUNNER]}

ALGORITHM_HEADERS = re.compile(r"^(gsl/|assert|ctype|errno|float|inttypes|limits|math|stdalign|stdarg|stdatomic|"
                               r"stdbool|stddef|stdint|stdio|stdlib|string|tgmath|complex)")   # of stdio only snprintf
ALGORITHM_SYMBOLS = re.compile(r"^(f?open|fopen64|v?f?printf|__v?f?printf_chk|puts|putchar|fputs|fwrite|f?write|read|socket|time|"
                               r"clock|clock_gettime|gettimeofday|s?rand(om)?|getenv|setenv|exit|_exit|stderr|stdout|"
                               r"pthread_.*|log_write|clk_.*)$")

BANNED = re.compile(r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atoll|atof|sscanf|gets|strncpy|"
                    r"strncat|s?rand|random|system|alloca)\s*\(")
SQL_TEXT = re.compile(r'(?<!\\)"\s*(SELECT|INSERT INTO|UPDATE \w|DELETE FROM|CREATE (TABLE|SCHEMA|INDEX|VIEW)|ALTER TABLE|'
                      r"DROP (TABLE|SCHEMA)|BEGIN|COMMIT|ROLLBACK|TRUNCATE|WITH \w+ AS)\b")
# Nothing of the machine where somebody worked, and no private registry, belongs in the tree.
MACHINE = re.compile(r"(?<![\w.])/(work|root|workspace|mnt/data)/|/home/(?!trimtab\b)[a-z]|\.pyenv|/tmp/land|"
                     r"(?i:artifactory|verdaccio|nexus\.|\.internal\b|--index-url|trusted-host|GOPROXY)")

FUNCTION_MAX, FILE_MAX, FILE_ADVICE = 100, 700, 600
LINE_MAX, TEST_LINE_MAX = 128, 140
SOURCE_ROOTS = ("lib", "algorithms", "server", "trial-runner", "cli")


@functools.lru_cache(None)
def tracked():
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return [path for path in out.splitlines() if os.path.isfile(path)]


@functools.lru_cache(None)
def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def c_files(roots=SOURCE_ROOTS):
    return [p for p in tracked() if p.endswith((".c", ".h")) and p.split("/")[0] in roots]


@functools.lru_cache(None)
def code_of(path):
    """The text with comments blanked and lines kept."""
    pattern = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', re.S)
    def blank(match):
        text = match.group()
        return re.sub(r"[^\n]", " ", text) if text.startswith("/") else text
    return pattern.sub(blank, read(path))


@functools.lru_cache(None)
def bare_code_of(path):
    """The same with the contents of strings blanked too."""
    return re.sub(r'"(?:\\.|[^"\\\n])*"', lambda m: '"' + " " * (len(m.group()) - 2) + '"', code_of(path))


def room_of(path):
    return max((room for room in FLOORS if path.startswith(room + "/")), key=len, default=None)


def matches(pattern, paths, what, text_of=code_of):
    for path in paths:
        for number, line in enumerate(text_of(path).splitlines(), 1):
            match = pattern.search(line)
            if match:
                yield f"{path}:{number}: {what.format(match.group().strip(' (' + chr(34)))}"


def floors():
    for path in c_files():
        room = room_of(path)
        allowed = [room, *FLOORS[room], *EXCEPTIONS.get(path, [])]
        for number, line in enumerate(read(path).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if not match or "/" not in match.group(1):
                continue  # generated headers have no folder
            target = room_of(match.group(1))
            if target not in allowed:
                yield f"{path}:{number}: {room} may not include {match.group(1)}"


def algorithms_are_pure():
    for path in c_files((ALGORITHMS,)):
        for number, line in enumerate(read(path).splitlines(), 1):
            match = re.match(r"\s*#\s*include\s*<([^>]+)>", line)
            if match and not ALGORITHM_HEADERS.match(match.group(1)):
                yield f"{path}:{number}: algorithms may not include <{match.group(1)}>"
    archive = os.path.join(os.path.dirname(os.environ.get("TRIMTAB_BIN", "build/release/trimtab")), "libalgorithms.a")
    if not os.path.exists(archive):
        return
    for line in subprocess.run(["nm", "-u", archive], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        symbol = line.split()[-1].split("@")[0] if line.split() else ""
        if ALGORITHM_SYMBOLS.match(symbol):
            yield f"{archive}: algorithms may not call {symbol}()"


def banned():
    yield from matches(BANNED, c_files(SOURCE_ROOTS + ("tests",)), "{} is banned", bare_code_of)


def cjson_in_lib():
    outside = [path for path in c_files() if room_of(path) != LIB]
    yield from matches(re.compile(r"\bcJSON_[A-Z]\w*\s*\("), outside, "{} belongs behind lib/json.h")


def sql_in_sql():
    yield from matches(SQL_TEXT, c_files(), "SQL text {} belongs in sql/")


def functions(path):
    """(name, first line, length) of every function; a body stands between braces in column 0."""
    lines = read(path).splitlines()
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            first = start - 1
            while first > 0 and lines[first - 1].strip() and not lines[first - 1].rstrip().endswith((";", "}", "*/")) \
                    and not lines[first - 1].startswith("#"):
                first -= 1
            match = re.search(r"(\w+)\(", " ".join(lines[first:start]))
            yield (match.group(1) if match else "?"), first + 1, number - first + 1
            start = None


def sizes():
    for path in c_files():
        length = read(path).count("\n")
        if length > FILE_MAX:
            yield f"{path}: {length} lines; split it, {FILE_ADVICE} are plenty"
        if path.endswith(".c"):
            for name, first, lines in functions(path):
                if lines > FUNCTION_MAX:
                    yield f"{path}:{first}: {name}() has {lines} lines; {FUNCTION_MAX} is the limit, 60 the aim"


def no_machine():
    texts = [p for p in tracked() if not p.startswith(("build/", "bench/results/", "tests/fuzz/corpus/", "LICENSE"))
             and p != "tests/lint/sources.py" and not p.endswith((".png", ".svg", ".gz"))]
    yield from matches(MACHINE, texts, "{} is of one machine only", read)


def layout():
    """What clang-format would insist on in any layout; tables keep the columns their authors gave them."""
    for path in c_files(SOURCE_ROOTS + ("tests", "bench")):
        text = read(path)
        if not text.endswith("\n") or text.endswith("\n\n"):
            yield f"{path}: does not end with one newline"
        before, limit = "", LINE_MAX if not path.startswith("tests/") else TEST_LINE_MAX
        for number, line in enumerate(text.splitlines(), 1):
            if line != line.rstrip():
                yield f"{path}:{number}: blanks at the end of the line"
            if len(line.expandtabs(4)) > limit:
                yield f"{path}:{number}: {len(line.expandtabs(4))} columns, {limit} are allowed"
            if re.match(r"^ {4,}[^ *]", line) and before.endswith((";", "{")) and "\\" not in line:
                yield f"{path}:{number}: indented with blanks instead of tabs"
            if re.search(r"^\s*(if|for|while|switch)\(", line):
                yield f"{path}:{number}: no blank before the parenthesis"
            before = line.rstrip()


def headers_once():
    for path in c_files():
        if path.endswith(".h") and "#pragma once" not in read(path):
            yield f"{path}: has no #pragma once"


def comments_finished():
    yield from matches(re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), c_files(SOURCE_ROOTS + ("tests",)),
                       "{}: finish it or file it", read)


RULES = [
    ("rooms include only rooms below", floors),
    ("algorithms are pure", algorithms_are_pure),
    ("no banned functions", banned),
    ("cJSON is called in lib only", cjson_in_lib),
    ("SQL is in sql/ only", sql_in_sql),
    ("functions and files are short", sizes),
    ("layout", layout),
    ("headers are included once", headers_once),
    ("nothing is left unfinished", comments_finished),
    ("no paths or hosts of one machine", no_machine),
]
