"""values.yaml is read with its comments."""

import pytest

from chart.readme import BEGIN, END, with_table
from chart.schema import schema
from chart.values import Undescribed, Value, read

TEXT = """\
# Not of a key.

# How many.
replicas: 2
image:
  # Where
  # it is.
  name: ""
# Labels.
labels: {a: b}
deep:
  deeper:
    # Bottom.
    open: true
  # What a list has in it needs no words.
  from:
    - one:
        two: 3
"""


def test_every_value_has_the_comment_right_above_it() -> None:
    assert (
        Value(("replicas",), 2, "How many.", is_group=False),
        Value(("image",), {"name": ""}, "", is_group=True),
        Value(("image", "name"), "", "Where it is.", is_group=False),
        Value(("labels",), {"a": "b"}, "Labels.", is_group=False),
        Value(("deep",), {"deeper": {"open": True}, "from": [{"one": {"two": 3}}]}, "", is_group=True),
    ) == read(TEXT)[:5]


def test_a_value_without_words_is_named() -> None:
    with pytest.raises(Undescribed, match=r"says nothing of image\.tag, other"):
        read("image:\n  # Words.\n  name: a\n  tag: b\nother: 1\n")


def test_the_table_stands_between_its_marks_and_leaves_the_rest() -> None:
    values = [Value(("a", "b"), 1, "One | two.", is_group=False)]
    made = with_table(f"before\n{BEGIN}\nold\n{END}\nafter\n", values)
    rows = "| Value | Default | Meaning |\n|---|---|---|\n| `a.b` | `1` | One \\| two. |\n"
    assert f"before\n{BEGIN}\n\n{rows}\n{END}\nafter\n" == made
    assert made == with_table(made, values)


def test_what_is_not_known_is_refused_at_every_depth() -> None:
    made = schema(read("image:\n  # Words.\n  repository: a\n# Words.\nlabels: {}\n"))
    assert made["additionalProperties"] is False
    assert made["properties"]["image"]["additionalProperties"] is False
    assert {"description": "Words.", "type": "object"} == made["properties"]["labels"]
