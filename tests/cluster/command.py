#!/usr/bin/env python3
"""A cluster to keep: `make cluster-up`, `make cluster-down`.

    command.py build [--kubernetes VERSION]    builds the programs: the first time, ten minutes
    command.py operators [--unbuilt]           builds other projects' operators, or names those that are missing
    command.py up [--kubernetes VERSION]       starts one and prints what to export
    command.py list                            the folders of those that are up
    command.py down [FOLDER]                   ends that one, or those that `up` started from this checkout
"""
import argparse
import sys

from kube import NEWEST, RELEASES, Cluster, Missing, Refused, end, kept, running
from kube.build import ensure
from kube.operators import PRODUCTS


def build(options):
    RELEASES[options.kubernetes].path()


def operators(options):
    if options.unbuilt:
        print(", ".join(f"{product.name} {product.version}" for product in PRODUCTS if product.missing()))
    else:
        ensure(PRODUCTS)


def up(options):
    cluster = Cluster(options.kubernetes, stay=True).up()
    print(f"export KUBECONFIG={cluster.kubeconfig}")
    print(f"export PATH={cluster.programs.partition(':/usr/sbin')[0]}:$PATH")
    print(f"# pods reach this machine at {cluster.below}; the node is {cluster.address}; logs: {cluster.path('logs')}")


def show(_options):
    for folder in running():
        print(folder)


def down(options):
    for folder in [options.folder] if options.folder else kept():
        end(folder)
        print(f"cluster: {folder} is gone", file=sys.stderr)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for run in (build, operators, up, show, down):
        command = commands.add_parser("list" if run is show else run.__name__)
        command.set_defaults(run=run)
        if run in (build, up):
            command.add_argument("--kubernetes", default=NEWEST.version, choices=RELEASES)
        if run is operators:
            command.add_argument("--unbuilt", action="store_true")
        if run is down:
            command.add_argument("folder", nargs="?")
    return parser.parse_args()


def main():
    options = arguments()
    try:
        options.run(options)
    except (Missing, Refused) as reason:
        sys.exit(f"cluster: {reason}")


if __name__ == "__main__":
    main()
