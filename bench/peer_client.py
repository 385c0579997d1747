"""One client of a comparison: the same work through Optuna's storage or through our HTTP interface.

    peer_client.py optuna URL STUDY report|prune|asktell SECONDS
    peer_client.py trimtab PORT EXPERIMENT-PATH report|prune|asktell SECONDS

Says "ready", waits for a line, works for so long, and prints the seconds that each operation took. Only
the operations are timed: report (prune: and the question whether to stop), or ask, five random
parameters, and tell. A trial gets a hundred reports; asking for the next one is not timed.
"""
import http.client
import json
import sys
import time

STEPS = 100


class Optuna:
    def __init__(self, url, study):
        import optuna
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.study = optuna.load_study(study_name=study, storage=url, sampler=optuna.samplers.RandomSampler(seed=1))
        self.trial = None

    def ask(self):
        self.trial = self.study.ask()

    def suggest(self):
        t = self.trial
        t.suggest_float("lr", 1e-5, 0.1, log=True)
        t.suggest_float("momentum", 0.5, 0.99)
        t.suggest_int("layers", 1, 6)
        t.suggest_float("decay", 0, 1)
        t.suggest_categorical("optimizer", ["sgd", "adam"])

    def report(self, value, step):
        self.trial.report(value, step)

    def should_stop(self):
        return self.trial.should_prune()

    def tell(self):
        self.study.tell(self.trial, 0.5)


class Trimtab:
    """The answer to ask holds the parameters, the answer to a report the wish to stop."""

    def __init__(self, port, path):
        self.connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
        self.path, self.trial, self.stop = path, None, False
        self.worker = f"worker-{time.monotonic_ns()}"

    def post(self, path, body):
        self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {text[:1000]}")
        return json.loads(text)

    def ask(self):
        trials = []
        while not trials:
            trials = self.post(self.path + "/trials:ask", {"workerId": self.worker, "leaseSeconds": 600})["trials"]
        self.trial = trials[0]

    def suggest(self):
        if len(self.trial["parameters"]) != 5:
            raise SystemExit(f"five parameters expected: {self.trial}")

    def report(self, value, step):
        point = {"metric": "loss", "value": value, "step": step}
        self.stop = self.post(self.trial["links"]["metrics"], {"metrics": [point]})["stop"]

    def should_stop(self):
        return self.stop

    def tell(self):
        self.post(self.trial["links"]["tell"], {"state": "succeeded", "values": {"loss": 0.5}})


def report(client, step):
    client.report(1 / (step + 1), step)


def report_and_ask_to_stop(client, step):
    client.report(1 / (step + 1), step)
    client.should_stop()


def trials_of_reports(client, end, operation):
    took = []
    while time.monotonic() < end:
        client.ask()
        client.suggest()
        for step in range(STEPS):
            start = time.perf_counter()
            operation(client, step)
            took.append(time.perf_counter() - start)
            if time.monotonic() >= end:
                break
        client.tell()
    return took


def ask_and_tell(client, end):
    took = []
    while time.monotonic() < end:
        start = time.perf_counter()
        client.ask()
        client.suggest()
        client.tell()
        took.append(time.perf_counter() - start)
    return took


def main():
    kind, where, what, mode, seconds = sys.argv[1:]
    client = {"optuna": Optuna, "trimtab": Trimtab}[kind](where, what)
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + float(seconds)
    if mode == "asktell":
        took = ask_and_tell(client, end)
    else:
        took = trials_of_reports(client, end, report if mode == "report" else report_and_ask_to_stop)
    print(json.dumps(took))


main()
