"""Fixtures of the end-to-end tests."""

import random

import pytest

from fresh_clusters import FRESH_CLUSTERS
from scratch import Scratch


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=None, help="repeat a run with this seed")


def pytest_sessionfinish():
    FRESH_CLUSTERS.remove()


@pytest.fixture
def scratch():
    with Scratch() as place:
        yield place


@pytest.fixture
def seed(request):
    """A new seed each run, printed, so that a failure can be repeated with --seed."""
    value = request.config.getoption("--seed")
    if value is None:
        value = random.SystemRandom().randrange(1 << 32)
    print(f"seed {value}")
    return value


@pytest.fixture(scope="session")
def session_seed(request):
    """As `seed`, for fixtures that serve a whole module; their tests print it."""
    value = request.config.getoption("--seed")
    return random.SystemRandom().randrange(1 << 32) if value is None else value


@pytest.fixture
def unprotected(scratch):
    """A running PostgreSQL 15 that nothing was done for yet: (scratch, server)."""
    server = scratch.server()
    server.initdb()
    server.start()
    return scratch, server


@pytest.fixture
def protected(scratch):
    """A running, archiving PostgreSQL 15 with a repository: (scratch, server)."""
    server = scratch.server()
    server.initdb()
    scratch.protect(server)
    return scratch, server
