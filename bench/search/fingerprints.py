"""Curves outlive the problems that they were made on. A folder of results keeps a fingerprint of every problem in it;
when a problem has changed since, its curves are taken out, ours and the peers'.
"""
import glob
import json
import os
import random
import zlib

NAME = "fingerprints.json"


def random_point(problem, source):
    """Uniform over the space, on the log scale where there is one; inactive parameters too have a value."""
    point = []
    for p in problem.parameters:
        if "values" in p:
            point.append(source.randrange(len(p["values"])))
        elif p["log"]:
            point.append(min(max(p["min"] * (p["max"] / p["min"])**source.random(), p["min"]), p["max"]))
        else:
            point.append(source.uniform(p["min"], p["max"]))
        if p["type"] == "int":
            point[-1] = round(point[-1])
    return point


def fingerprint(problem):
    """Of its space and of values and regrets at some points. Five digits: compilers differ in the last."""
    source, numbers = random.Random(1), []
    for draw in range(4):
        point = problem.active(random_point(problem, source))
        if problem.several:
            values = problem.evaluate_all(point)
            numbers += [*values, problem.missing([values])]
            continue
        value = problem.evaluate(point, draw)
        numbers += [value, problem.regret(point, value)]
    text = json.dumps(problem.parameters) + " ".join(f"{v:.5g}" for v in numbers)
    return f"{zlib.crc32(text.encode()):08x}"


def _without(path, names):
    with open(path, encoding="utf-8") as f:
        lines = f.readlines()
    kept = [line for line in lines if not any(f'"problem":"{name}"' in line.replace('": "', '":"') for name in names)]
    if len(kept) < len(lines):
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.writelines(kept)
        os.replace(path + ".new", path)
    return len(lines) - len(kept)


def forget_changed(folder, problems):
    """Number of curves that were taken out. Problems that are not at hand now keep theirs."""
    path, known = os.path.join(folder, NAME), {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            known = json.load(f)
    now = {name: fingerprint(p) for name, p in problems.items()}
    changed = [name for name in now if name in known and known[name] != now[name]]
    gone = sum(_without(p, changed) for p in glob.glob(os.path.join(folder, "*.jsonl"))) if changed else 0
    if any(known.get(name) != mark for name, mark in now.items()):
        os.makedirs(folder, exist_ok=True)
        with open(path + ".new", "w", encoding="utf-8") as f:
            json.dump(dict(sorted({**known, **now}.items())), f, indent=0)
            f.write("\n")
        os.replace(path + ".new", path)
    return gone
