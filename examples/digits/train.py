#!/usr/bin/env python3
"""Train a network on scikit-learn's 1,797 handwritten digits and report each epoch.

By hand:            python3 train.py --lr=0.01
As a trimtab trial: the same; the report goes to the server, which may answer that it is enough. What has been learned
is kept in $TRIMTAB_CHECKPOINT_DIR: a trial that is promoted, or tried again, goes on from there.
"""
import argparse
import json
import math
import os
import pickle
import sys
import time
import urllib.error
import urllib.request

try:
    from sklearn.datasets import load_digits
    from sklearn.metrics import log_loss
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier
except ImportError:
    # Debian's python3-sklearn belongs to /usr/bin/python3, which need not be the python3 in the path.
    if sys.executable == "/usr/bin/python3" or not os.path.exists("/usr/bin/python3"):
        sys.exit("scikit-learn is missing: apt-get install python3-sklearn, or pip install scikit-learn")
    os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--layers", type=int, default=1, help="hidden layers")
    p.add_argument("--width", type=int, default=100, help="units in each of them")
    p.add_argument("--activation", choices=["relu", "tanh"], default="relu")
    p.add_argument("--alpha", type=float, default=1e-4, help="L2 penalty")
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=1e-3, help="learning rate")
    p.add_argument("--solver", choices=["adam", "sgd"], default="adam")
    p.add_argument("--momentum", type=float, default=0.9, help="for sgd")
    p.add_argument("--epochs", type=int, default=int(os.environ.get("TRIMTAB_BUDGET_STEPS") or 20))
    return p.parse_args()


def digits():
    """Pictures and labels for training, for choosing between trials, and for the final exam."""
    x, y = load_digits(return_X_y=True)
    x = x / 16
    x_rest, x_test, y_rest, y_test = train_test_split(x, y, test_size=360, stratify=y, random_state=0)
    x_train, x_valid, y_train, y_valid = train_test_split(
        x_rest, y_rest, test_size=360, stratify=y_rest, random_state=0)
    return (x_train, y_train), (x_valid, y_valid), (x_test, y_test)


def post(url, metrics):
    """Send one report; the answer says whether to stop."""
    values = {k: v if math.isfinite(v) else str(v) for k, v in metrics.items()}
    headers = {"Content-Type": "application/json"}
    if os.environ.get("TRIMTAB_TOKEN"):
        headers["Authorization"] = "Bearer " + os.environ["TRIMTAB_TOKEN"]
    request = urllib.request.Request(url, json.dumps(values).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bool(json.load(answer).get("stop"))


def report(**metrics):
    """Print the line; inside a trial send it too. Training never fails because reporting does."""
    print(" ".join(f"{k}={v:.6g}" for k, v in metrics.items()), flush=True)
    url = os.environ.get("TRIMTAB_TRIAL_URL")
    if not url:
        return False
    for wait in (0.5, 1, 2, 4, None):
        try:
            return post(url + "/metrics", metrics)
        except urllib.error.HTTPError as e:
            problem, retry = f"{e.code} {e.reason}", e.code in (429, 503)
        except OSError as e:
            problem, retry = e, True
        if not retry or wait is None:
            print(f"report refused: {problem}", file=sys.stderr)
            return False
        time.sleep(wait)


def checkpoint():
    """The file that survives this process, or None."""
    folder = os.environ.get("TRIMTAB_CHECKPOINT_DIR")
    return os.path.join(folder, "model.pickle") if folder else None


def load():
    """The epochs that are done, and the network after them."""
    path = checkpoint()
    if not path or not os.path.exists(path):
        return 0, None
    with open(path, "rb") as file:
        return pickle.load(file)


def save(epoch, model):
    path = checkpoint()
    if path:
        with open(path + ".new", "wb") as file:
            pickle.dump((epoch, model), file)
        os.replace(path + ".new", path)     # the old one or the new one, never half of it


def examine(model, x, y):
    guess = model.predict_proba(x)
    return {"accuracy": float((guess.argmax(axis=1) == y).mean()), "loss": float(log_loss(y, guess))}


def main():
    a = arguments()
    (x_train, y_train), (x_valid, y_valid), (x_test, y_test) = digits()
    done, model = load()
    model = model or MLPClassifier(
        hidden_layer_sizes=[a.width] * a.layers, activation=a.activation, alpha=a.alpha, solver=a.solver,
        batch_size=a.batch, learning_rate_init=a.lr, momentum=a.momentum,
        random_state=int(os.environ.get("TRIMTAB_SEED") or 0) % 2**32)
    if done >= a.epochs:        # an earlier attempt got this far, and perhaps could not say so
        report(step=a.epochs, **examine(model, x_valid, y_valid))
    for epoch in range(done + 1, a.epochs + 1):
        try:
            model.partial_fit(x_train, y_train, classes=range(10))
        except ValueError as e:     # its weights are no longer finite: it recognises nothing
            print(f"training diverged: {e}", file=sys.stderr)
            report(step=epoch, accuracy=0.0, loss=math.inf)
            return
        if report(step=epoch, **examine(model, x_valid, y_valid)):
            return
        save(epoch, model)
    # Never used to choose a trial: what to expect of the chosen one on new digits.
    report(step=a.epochs, test_accuracy=float(model.score(x_test, y_test)))


if __name__ == "__main__":
    main()
