"""What all tests share: every engine as a fixture, and the same hypothesis examples in every run."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from minigraph.convolution import ENGINES, Convolution
from tests.executors.clusters import Cluster, running_cluster

collect_ignore_glob = ["figures/*.py"]  # they make the stored figures, with PyTorch

settings.register_profile("minigraph", deadline=None, derandomize=True)
settings.load_profile("minigraph")


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine's name in turn."""
    return str(request.param)


@pytest.fixture
def convolution(engine: str) -> Convolution:
    """Each engine in turn."""
    return ENGINES[engine]


@pytest.fixture(scope="session")
def dask_cluster() -> Iterator[Cluster]:
    """A Dask cluster of two workers, started when a test first asks for it."""
    with running_cluster() as started:
        yield started
