import pytest
import worker_double


@pytest.fixture
def worker(tmp_path):
    """worker(source, ...): a worker that has loaded, or failed to (`first` tells)."""
    doubles = []

    def start(source=None, **settings):
        doubles.append(worker_double.Double(tmp_path / str(len(doubles)), source, **settings))
        return doubles[-1]

    yield start
    for double in doubles:
        double.close()
