"""Test cases on a cluster: one for all of a process, which is a file of tests.

TRIMTAB_CLUSTER names the folder of one that is up (make cluster-up) and shall be used: what a test leaves in
it is still there in the next run. TRIMTAB_KUBERNETES is the version, today's if it is not told.
"""
import atexit
import functools
import os
import unittest

from .cluster import Cluster
from .machine import Refused
from .release import NEWEST
from .toolchain import Missing


@functools.lru_cache(None)
def shared():
    folder = os.environ.get("TRIMTAB_CLUSTER")
    if folder:
        return Cluster.at(folder)
    cluster = fresh().up()
    atexit.register(cluster.down)
    return cluster


def fresh():
    """One that is not up yet, of the version that is tested."""
    return Cluster(os.environ.get("TRIMTAB_KUBERNETES") or NEWEST.version)


def or_skip(make):
    """What make() gives; the test is skipped, and says so, where no cluster can be."""
    try:
        return make()
    except (Missing, Refused) as reason:
        raise unittest.SkipTest(f"NO CLUSTER on this machine: {reason}") from None


class ClusterCase(unittest.TestCase):
    cluster = None

    @classmethod
    def setUpClass(cls):
        cls.cluster = or_skip(shared)

    @property
    def c(self):
        return self.cluster
