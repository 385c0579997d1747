#!/usr/bin/env python3
"""Fit a line to noisy points by gradient descent with momentum; needs nothing but Python.

It prints the loss of each epoch, which trimtab reads from the log. In a job of several pods each runs this program,
and the log of one of them counts.
"""
import argparse
import random


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--lr", type=float, default=0.01)
    p.add_argument("--momentum", type=float, default=0)
    p.add_argument("--epochs", type=int, default=10)
    given = p.parse_args()
    noise = random.Random(1)
    points = [(x, 3 * x + 1 + noise.gauss(0, 0.1)) for x in (noise.uniform(-1, 1) for _ in range(200))]
    slope = offset = slope_speed = offset_speed = 0.0
    for epoch in range(1, given.epochs + 1):
        for x, y in points:
            error = slope * x + offset - y
            slope_speed = given.momentum * slope_speed - given.lr * error * x
            offset_speed = given.momentum * offset_speed - given.lr * error
            slope, offset = slope + slope_speed, offset + offset_speed
        loss = sum((slope * x + offset - y) ** 2 for x, y in points) / len(points)
        print(f"step={epoch} loss={loss:.6g}", flush=True)


if __name__ == "__main__":
    main()
