"""What the chart's tests can ask for: Helm, built where it is missing."""

import pytest

from devcluster.resolve import Resolver
from support.helm import Helm


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(Resolver().resolve(["helm"])["helm"], tmp_path_factory.mktemp("helm"))
