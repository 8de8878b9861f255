"""The images, built for real once, and a place to run them in."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from image import Image, Target, build
from image.programs import needed
from support.image_runner import Runner

COLD_SECONDS = 900
"""How long a test may take that is the first to ask for an image."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Making an image takes root, and the first time minutes."""
    mine = [each for each in items if each.path.parent == Path(__file__).parent]
    for item in mine:
        item.add_marker(pytest.mark.timeout(COLD_SECONDS))
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="making an image, and running a container, needs root"))


@pytest.fixture(scope="session")
def operator_image() -> Image:
    return build(Target.OPERATOR)


@pytest.fixture(scope="session")
def sandbox_image() -> Image:
    return build(Target.SANDBOX)


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Image], Path]:
    """The root file system of an image, unpacked once. runc makes places for mounts in it, and nothing else writes."""
    roots: dict[str, Path] = {}

    def unpack(built: Image) -> Path:
        if built.reference not in roots:
            needed("runc")
            roots[built.reference] = tmp_path_factory.mktemp("root") / "root"
            built.unpack(roots[built.reference])
        return roots[built.reference]

    return unpack


@pytest.fixture
def operator(operator_image: Image, unpacked: Callable[[Image], Path], tmp_path: Path) -> Runner:
    return Runner(operator_image, unpacked(operator_image), tmp_path)


@pytest.fixture
def sandbox_container(sandbox_image: Image, unpacked: Callable[[Image], Path], tmp_path: Path) -> Runner:
    return Runner(sandbox_image, unpacked(sandbox_image), tmp_path)
