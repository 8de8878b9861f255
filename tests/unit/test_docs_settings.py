"""docs/settings.md has every setting with its flag, variable, default and bounds."""

import re
from dataclasses import Field, fields
from typing import Any

import pytest

from kite_operator.settings import Settings, flag, variable
from support.documents import page, rows

ROWS = {row[0].strip("`"): row for row in rows(page("docs/settings.md")) if row[0].startswith("`--")}
SETTINGS = fields(Settings)
NOTHING = "-"


def test_every_setting_is_described_and_no_other() -> None:
    assert [flag(each.name) for each in SETTINGS] == list(ROWS)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
def test_its_variable_is_named(setting: "Field[Any]") -> None:
    assert f"`{variable(setting.name)}`" == ROWS[flag(setting.name)][1]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
def test_its_default_is_the_one_of_the_code(setting: "Field[Any]") -> None:
    shown = ROWS[flag(setting.name)][2].strip("`")
    if setting.default in ("", ()):
        assert shown == NOTHING
    else:
        assert setting.default == setting.metadata["parse"](shown)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
def test_its_bounds_are_those_of_the_code(setting: "Field[Any]") -> None:
    bounds = re.fullmatch(r"([\d.]+) to ([\d.]+)", ROWS[flag(setting.name)][3])
    is_number = isinstance(setting.default, int | float) and not isinstance(setting.default, bool)
    assert is_number == bool(bounds)
    if bounds is None:
        return
    low, high = (float(text) for text in bounds.groups())
    parse, shape = setting.metadata["parse"], "{:g}" if isinstance(setting.default, float) else "{:.0f}"
    assert (low, high) == (parse(bounds[1]), parse(bounds[2]))
    for outside in (low / 2 - 1, high * 2 + 1):
        with pytest.raises(ValueError, match="must be"):
            parse(shape.format(outside))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
def test_the_words_it_allows_are_accepted(setting: "Field[Any]") -> None:
    if setting.name == "log_level":
        allowed = ROWS[flag(setting.name)][3].split(", ")
        assert allowed == [setting.metadata["parse"](word) for word in allowed]
    assert setting.metadata["help"]
