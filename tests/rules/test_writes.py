"""Writes that lead from one context to another: nothing else comes of them, and others' stay."""

import json

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from rules.writes import apply_operation, difference

leaves = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | st.text("ab", max_size=2)
)
values: st.SearchStrategy[JsonValue] = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("k"), inner)
)
contexts = st.dictionaries(st.sampled_from("abc"), values)

Context = dict[str, JsonValue]


def applied(context: Context, before: Context, after: Context) -> Context:
    written = dict(context)
    for operation in difference(before, after):
        apply_operation(written, operation)
    return written


@given(contexts, contexts)
def test_they_make_the_one_of_the_other(before: Context, after: Context) -> None:
    assert json.dumps(applied(before, before, after), sort_keys=True) == json.dumps(
        after, sort_keys=True
    )


def test_true_is_not_one() -> None:
    assert applied({"a": [1]}, {"a": [1]}, {"a": [True]}) == {"a": [True]}
    assert applied({"a": 1}, {"a": 1}, {"a": True})["a"] is True


def test_what_others_add_meanwhile_is_kept() -> None:
    before: Context = {"n": 1, "items": ["a"]}
    after: Context = {"n": 3, "items": ["a", "b"], "first": 1, "list": ["x"]}
    meanwhile: Context = {"n": 10, "items": ["a", "z"], "first": 5, "list": ["y"], "other": True}
    assert applied(meanwhile, before, after) == {
        "n": 12,
        "items": ["a", "z", "b"],
        "first": 6,
        "list": ["y", "x"],
        "other": True,
    }
