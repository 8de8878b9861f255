"""The same inputs give the same image, whoever builds and when."""

from pathlib import Path

import pytest

from image import Image, Target, build
from image.building import Options


def test_a_second_build_with_other_pip_settings_gives_the_same_layers_and_the_same_configuration(
    operator_image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_TRUSTED_HOST", "swordfish.example.com")  # the build is told, and leaves no trace of it
    again = build(Target.OPERATOR, Options(into=tmp_path / "again.tar"))
    assert again.archive != operator_image.archive
    assert operator_image.configuration() == again.configuration()
    assert operator_image.identity == again.identity
