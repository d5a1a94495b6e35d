import pathlib
import sys

import pytest

# The helper beside the tests, in whichever way pytest imports these.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cluster_job  # noqa: E402


@pytest.fixture
def cluster(local, several_hosts):
    """Distributed jobs: see cluster_job.py. Nothing of them may be there after the test."""
    cluster = cluster_job.Cluster(local)
    yield cluster
    cluster.close()
