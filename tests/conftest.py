"""What all tests share: every engine as a fixture, and the same hypothesis examples in every run."""

import pytest
from hypothesis import settings

from minigraph.convolution import ENGINES, Convolution

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
