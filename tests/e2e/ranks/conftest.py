import pathlib
import sys

import pytest

# The helper beside the tests, in whichever way pytest imports these.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import hosted  # noqa: E402


@pytest.fixture
def ranks(berth, tmp_path):
    ranks = hosted.Ranks(berth, tmp_path)
    yield ranks
    ranks.stop()
