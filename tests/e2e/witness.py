"""A trial that leaves evidence: when it ran, and which of its reports were acknowledged.

    witness.py FOLDER REPORTS SECONDS

It writes one file per start, reports its steps through the API, and notes each step only after the
answer came. While the server is away it goes on trying: a report that was not acknowledged may be sent again.
"""
import json
import os
import sys
import time
import urllib.error
import urllib.request

folder, reports, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
number, attempt = os.environ["TRIMTAB_TRIAL_NUMBER"], os.environ["TRIMTAB_ATTEMPT"]
params = json.loads(os.environ["TRIMTAB_PARAMS"])
evidence = {"number": int(number), "attempt": int(attempt), "params": params, "began": time.time(), "acked": []}
path = os.path.join(folder, f"{number}-{attempt}-{os.getpid()}.json")


def keep():
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(evidence, f)
    os.rename(path + ".new", path)


def report(step):
    value = params["x"] + step / 1000
    body = json.dumps({"metrics": [{"metric": "loss", "value": value, "step": step}]}).encode()
    request = urllib.request.Request(os.environ["TRIMTAB_TRIAL_URL"] + "/metrics", body, {
        "Content-Type": "application/json", "Authorization": "Bearer " + os.environ["TRIMTAB_TOKEN"]})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert json.load(answer)["accepted"] == 1
            evidence["acked"].append([step, value])
            keep()
            return
        except urllib.error.HTTPError as e:
            if e.code not in (429, 503):
                evidence["refused"] = f"{e.code} {e.read().decode()}"
                keep()
                sys.exit(1)
        except OSError:
            pass
        if not os.path.isdir(folder):   # the test is over, however it ended
            sys.exit(1)
        time.sleep(0.02)


keep()
for s in range(reports):
    report(s)
    time.sleep(seconds / reports)
evidence["ended"] = time.time()
keep()
