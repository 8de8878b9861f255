"""The text of the licence of every distribution that is added to the base is in the image."""

import re

import pytest
from packaging.utils import canonicalize_name

from image import Image
from supply_chain.contents import LOCKS
from supply_chain.lock import read_lock

TEXT = re.compile(r"/(?P<name>[\w.]+)-[^/]+\.dist-info/(?:.*/)?[^/]*(?:licen[cs]e|copying|notice)[^/]*$", re.IGNORECASE)


@pytest.fixture(params=["operator_image", "sandbox_image"])
def built(request: pytest.FixtureRequest) -> Image:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]  # what pytest says it is


def files(built: Image) -> set[str]:
    return {f"/{each.name.removeprefix('./')}" for layer in built.layers() for each in layer if not each.isdir()}


def test_every_distribution_has_the_text_of_its_licence(built: Image) -> None:
    locked = {each.name for each in read_lock(LOCKS[built.target.repository]) if each.is_for_the_image()}
    with_text = {canonicalize_name(found["name"]) for each in files(built) if (found := TEXT.search(each))}
    assert set() == locked - with_text
