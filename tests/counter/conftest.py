"""What services in this process say goes nowhere, unless a test looks at it."""

from collections.abc import Iterator

import pytest

from tests.counter.world import Said, everything_said


@pytest.fixture(autouse=True)
def said() -> Iterator[Said]:
    with everything_said() as everything:
        yield everything
