"""A trial that reports a curve: good for the first three, hopeless for all that follow.

    trainee.py obeys|ignores|prints STEPS

`obeys` ends when the answer to a report says so. `ignores` goes on whatever it hears, SIGTERM too, and never ends by
itself. `prints` knows of no server: it writes lines, and waits for ever when it is hopeless.
"""
import json
import os
import signal
import sys
import time
import urllib.request

mode, steps = sys.argv[1], int(sys.argv[2])
number = int(os.environ["TRIMTAB_TRIAL_NUMBER"])
hopeless = number > 3


def report(step, value):
    if mode == "prints":
        print(f"loss={value} step={step}", flush=True)
        return False
    body = json.dumps({"loss": value, "step": step}).encode()
    request = urllib.request.Request(os.environ["TRIMTAB_TRIAL_URL"] + "/metrics", body, {
        "Content-Type": "application/json", "Authorization": "Bearer " + os.environ["TRIMTAB_TOKEN"]})
    with urllib.request.urlopen(request, timeout=30) as answer:
        heard = json.load(answer)
    print(f"step {step}: {heard}", flush=True)
    return heard["stop"]


if mode == "ignores":
    signal.signal(signal.SIGTERM, lambda *_: print("SIGTERM, and no", flush=True))
s = 0
while s < steps or (hopeless and mode == "ignores"):
    if report(s, number + 10 * hopeless - s / 100) and mode == "obeys":
        print("stopped as told", flush=True)
        sys.exit(0)
    s += 1
    time.sleep(0.01)
while hopeless:
    time.sleep(1)
