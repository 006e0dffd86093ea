"""Properties of chains made by chance: printing keeps the meaning, limits and lint hold."""

import json
from collections import Counter
from collections.abc import Callable, Collection
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from rules.checks.chains import check_text_of
from rules.checks.limits import Limits
from rules.compiler import ChainText, Compiled, check_chain, compile_chain
from rules.el.ast import Script
from rules.el.comments import format_with_comments
from rules.el.operators.table import BY_NAME
from rules.el.printer import format_text, print_script
from rules.errors import Diagnostic
from rules.lint.checked import lint_checked
from rules.lint.report import MOST
from rules.lint.table import CODES
from rules.plan import ComponentPolicy, FailurePolicy, FailureStrategy, Kind, Needs
from tests.rules.conftest import COMPONENTS, INCLUDED
from tests.rules.generated import messy, randoms, scripts

Compile = Callable[[str], Compiled]
SPELLINGS = sorted(BY_NAME)


@pytest.mark.parametrize("operator", SPELLINGS)
def test_every_operator_is_made(operator: str) -> None:
    """The chance is no small one; a chain without it would make no difference to what follows."""
    once = settings(max_examples=500, database=None, derandomize=True, phases=[Phase.generate])
    find(scripts, lambda script: f"{operator}(" in print_script(script), settings=once)


@given(script=scripts, layout=randoms)
@settings(deadline=None)
def test_printing_keeps_text_and_plan(script: Script, layout: Random, compile_el: Compile) -> None:
    text = print_script(script)
    assert format_text(text) == text
    laid_out = messy(text, layout)
    assert format_text(laid_out) == text
    assert compile_el(laid_out).plan == compile_el(text).plan


def commented(statements: list[str], remarks: list[str]) -> str:
    """The statements, each behind a remark on a line of its own and before one on its last line."""
    lines = []
    for statement, remark in zip(statements, remarks, strict=False):
        lines += [f"// {remark}", f"/* {remark} */", f"{statement} // {remark}"]
    return "\n".join(lines) + "\n"


@given(script=scripts, remarks=st.lists(st.text("ab ;,)(*'", max_size=9), min_size=3, max_size=3))
@settings(deadline=None)
def test_formatting_keeps_comments_and_plan(
    script: Script, remarks: list[str], compile_el: Compile
) -> None:
    remarks = [remark.replace("*", "").strip() or "so" for remark in remarks]
    statements = [print_script(Script((one,))).rstrip("\n") for one in script.statements]
    text = commented(statements, remarks)
    formatted = format_with_comments(text, "main")
    assert format_with_comments(formatted, "main") == formatted
    assert formatted == text
    assert compile_el(formatted).plan == compile_el(print_script(script)).plan


def depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, inner), default=0)


@given(script=scripts)
@settings(deadline=None, max_examples=50)
def test_limits_bound_the_plan(script: Script, compile_el: Compile) -> None:
    text = print_script(script)
    plan = compile_el(text).plan
    tree = plan.root.model_dump_json(exclude_none=True)
    assert tree.count('"op":') <= plan.nodes
    # What `.bind` gives is one object inside the innermost node, and not counted.
    limits = Limits(levels=depth(json.loads(tree)) - 2)
    chains = {**INCLUDED, "main": ChainText("main", text)}
    found = check_chain("main", chains=chains, components=COMPONENTS, limits=limits)
    assert "limit" in {one.category for one in found}


def traited(id: str, kind: Kind) -> st.SearchStrategy[ComponentPolicy]:
    """A component with any of the traits that the lint looks at."""
    strategies = [one for one in FailureStrategy if kind == "common" or one != "IGNORE"]
    return st.builds(
        ComponentPolicy,
        id=st.just(id),
        kind=st.just(kind),
        needs=st.builds(
            Needs, whole_context=st.booleans(), context_keys=st.sampled_from([(), ("k",)])
        ),
        compensate=st.sampled_from([None, "refund"]),
        read_only=st.booleans(),
        irreversible=st.booleans(),
        on_failure=st.builds(
            FailurePolicy,
            strategy=st.sampled_from(strategies),
            afterwards=st.sampled_from(["COMPENSATE", "MANUAL"]),
        ),
        timeout=st.sampled_from([1.0, 61.0]),
    )


KINDS: dict[str, Kind] = {
    "a": "common",
    "b": "common",
    "x": "boolean",
    "y": "boolean",
    "s": "switch",
    "n": "for",
    "it": "iterator",
}
traits = st.fixed_dictionaries({id: traited(id, kind) for id, kind in KINDS.items()})
ABOUT_LENGTH = {"endless_loop", "unbounded_loop", "many_events", "too_wide", "large_stack"}


def lint_of(
    script: Script, policies: dict[str, ComponentPolicy], deployed: Collection[str] | None = None
) -> list[Diagnostic]:
    chains = {**INCLUDED, "main": ChainText("main", print_script(script))}
    components = {**COMPONENTS, **policies}
    compiled = compile_chain("main", chains=chains, components=components)
    return [one for one in compiled.linted(deployed) if one.category in CODES]


@given(script=scripts, policies=traits, deployed=st.none() | st.just({"a", "x"}))
@settings(deadline=None)
def test_the_lint_takes_every_chain_that_compiles(
    script: Script, policies: dict[str, ComponentPolicy], deployed: Collection[str] | None
) -> None:
    text = print_script(script)
    found = lint_of(script, policies, deployed)
    assert max(Counter(one.category for one in found).values(), default=0) <= MOST
    for one in found:
        assert text[one.span.start : one.span.end].strip()
        assert one.hint
        assert str(one)


@given(script=scripts, policies=traits)
@settings(deadline=None, max_examples=50)
def test_the_lint_of_a_checked_chain_says_the_same(
    script: Script, policies: dict[str, ComponentPolicy]
) -> None:
    text = print_script(script)
    chains = {**INCLUDED, "main": ChainText("main", text)}
    components = {**COMPONENTS, **policies}
    parsed, unit = check_text_of("main", chains=chains, components=components)
    found = lint_checked(unit, parsed["main"].findings, components)
    assert Counter(map(str, found)) == Counter(map(str, lint_of(script, policies)))


@given(script=scripts)
@settings(deadline=None, max_examples=50)
def test_steps_that_only_read_leave_nothing_to_undo(script: Script) -> None:
    tame = {
        id: ComponentPolicy(id=id, kind=kind, read_only=True, timeout=1e-9)
        for id, kind in KINDS.items()
    }
    assert {one.category for one in lint_of(script, tame)} <= ABOUT_LENGTH
