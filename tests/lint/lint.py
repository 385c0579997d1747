#!/usr/bin/env python3
"""The rules of the house, checked: one TAP test a rule. --quick leaves out what takes long."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import drift  # noqa: E402
import sources  # noqa: E402
import tools  # noqa: E402

QUICK = sources.RULES + tools.QUICK_RULES + drift.RULES
SLOW = tools.SLOW_RULES


def main():
    rules = QUICK + ([] if "--quick" in sys.argv[1:] else SLOW)
    print(f"1..{len(rules)}")
    bad = 0
    for number, (name, rule) in enumerate(rules, 1):
        problems = list(rule())
        bad += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {name}")
        for problem in problems[:40]:
            print(f"# {problem}")
        if len(problems) > 40:
            print(f"# ... and {len(problems) - 40} more")
        sys.stdout.flush()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
