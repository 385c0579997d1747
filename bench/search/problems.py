"""The benchmark's problems, evaluated by the library that our own runner is linked with (problem.h says what it
offers): ours and the peers see the same functions to the last bit.
"""
import ctypes
import json
import math
import os
from array import array

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIBRARY = os.environ.get("TRIMTAB_SEARCH_LIBRARY", os.path.join(ROOT, "build/release/bench/libtrimtab-problems.so"))
DATA = os.environ.get("TRIMTAB_SEARCH_DATA", "")


def _load(path):
    lib = ctypes.CDLL(path)
    index, handle = ctypes.c_uint32, ctypes.c_void_p
    values = ctypes.POINTER(ctypes.c_double)
    for name, result, arguments in (
            ("problems_open", handle, [ctypes.c_char_p, index]),
            ("problems_count", index, [handle]),
            ("problems_text", ctypes.c_char_p, [handle, index]),
            ("problems_evaluate", ctypes.c_double, [handle, index, values, ctypes.c_uint64]),
            ("problems_steps", index, [handle, index]),
            ("problems_report", ctypes.c_double, [handle, index, values, index, values]),
            ("problems_regret", ctypes.c_double, [handle, index, values, ctypes.c_double]),
            ("problems_evaluate_all", None, [handle, index, values, values]),
            ("problems_missing", ctypes.c_double, [handle, index, values, index])):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class Problem:
    """One function with its parameters, as dicts: name, type, min, max, log or values, perhaps when."""

    def __init__(self, lib, handle, index):
        self._lib, self._handle, self._index = lib, handle, index
        text = json.loads(lib.problems_text(handle, index))
        self.name, self.maximize, self.noisy = text["name"], text["maximize"], text["noisy"]
        self.parameters = text["parameters"]
        # Of a problem with several objectives: for each whether it is to be maximised.
        self.several = [direction == "maximize" for direction in text.get("objectives", ())]

    @property
    def family(self):
        """The set that the problem belongs to: "tables" of "tables/hpobench-car"."""
        return self.name.split("/")[0]

    @property
    def numeric(self):
        return all(p["type"] != "categorical" for p in self.parameters)

    @property
    def conditional(self):
        return any("when" in p for p in self.parameters)

    @staticmethod
    def _vector(numbers):
        return (ctypes.c_double * len(numbers)).from_buffer(array("d", numbers))

    def active(self, point):
        """The point with NaN for what is inactive: parents come before their children."""
        point = list(point)
        for j, p in enumerate(self.parameters):
            if "when" in p and point[p["when"]["parameter"]] not in p["when"]["values"]:
                point[j] = math.nan
        return point

    def evaluate(self, point, draw):
        return self._lib.problems_evaluate(self._handle, self._index, self._vector(point), draw)

    @property
    def steps(self):
        """How often a trial reports; 0: its value is all there is."""
        return self._lib.problems_steps(self._handle, self._index)

    def report(self, point, step):
        """What a trial reports after that step, 1 or more, and the seconds since its start."""
        seconds = ctypes.c_double()
        value = self._lib.problems_report(self._handle, self._index, self._vector(point), step, ctypes.byref(seconds))
        return value, seconds.value

    def regret(self, point, value):
        return self._lib.problems_regret(self._handle, self._index, self._vector(point), value)

    def evaluate_all(self, point):
        """The values of all objectives."""
        values = self._vector([0.0] * len(self.several))
        self._lib.problems_evaluate_all(self._handle, self._index, self._vector(point), values)
        return list(values)

    def missing(self, rows):
        """The hypervolume that trials with these values leave out: what counts as their regret."""
        flat = self._vector([v for row in rows for v in row])
        return self._lib.problems_missing(self._handle, self._index, flat, len(rows))


def problems(data=DATA, library=LIBRARY):
    """All problems by name, in the library's order."""
    lib = _load(library)
    handle = lib.problems_open(data.encode(), 1)
    if not handle:
        raise SystemExit(f"{data or 'the problems'}: cannot be read")
    found = [Problem(lib, handle, i) for i in range(lib.problems_count(handle))]
    return {p.name: p for p in found}
