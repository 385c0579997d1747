"""A real single-node Kubernetes for the tests; cluster.py is what tests use."""
from .case import ClusterCase, fresh, or_skip
from .client import ApiError
from .cluster import Cluster, end, job, kept, running
from .components import Component
from .machine import Refused
from .release import NEWEST, OLDEST, RELEASES
from .toolchain import Missing

__all__ = ["NEWEST", "OLDEST", "RELEASES", "ApiError", "Cluster", "ClusterCase", "Component", "Missing", "Refused",
           "end", "fresh", "job", "kept", "or_skip", "running"]
