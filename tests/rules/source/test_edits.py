"""Edits of policies: who goes before whom, what they add to a plan, and what is no edit."""

import pytest

from rules.compiler import ChainText, compile_chain
from rules.errors import MetadataInvalid
from rules.plan import ComponentPolicy, FailurePolicy, FailureStrategy, RetryPolicy
from rules.source.edits import Edits, PolicyEdit, check_edit, edited_plan

IGNORE = FailurePolicy(strategy=FailureStrategy.IGNORE)
SKIP = FailurePolicy(strategy=FailureStrategy.MANUAL, default="skip")

KNOWN = {
    policy.id: policy
    for policy in (
        ComponentPolicy(id="pay", compensate="refund", timeout=4.0),
        ComponentPolicy(id="refund"),
        ComponentPolicy(id="giveBack", timeout=6.0, compensate="pay"),
        ComponentPolicy(id="look", read_only=True),
        ComponentPolicy(id="isVip", kind="boolean", read_only=True),
    )
}
PLAN = compile_chain(
    "c", chains={"c": ChainText("c", "THEN(IF(isVip, pay), look)")}, components=KNOWN
).plan

MERGED: list[tuple[dict[str, PolicyEdit], dict[str, object]]] = [
    ({}, {}),
    ({"0": PolicyEdit(timeout=1)}, {"timeout": 1}),
    ({"acme": PolicyEdit(timeout=2)}, {"timeout": 2}),
    ({"0": PolicyEdit(timeout=1), "acme": PolicyEdit(timeout=2)}, {"timeout": 2}),
    (
        {"0": PolicyEdit(timeout=1), "acme": PolicyEdit(compensate=None)},
        {"timeout": 1, "compensate": None},
    ),
    ({"0": PolicyEdit(compensate=None), "acme": PolicyEdit(compensate="x")}, {"compensate": "x"}),
    ({"0": PolicyEdit(compensate="x"), "acme": PolicyEdit(compensate=None)}, {"compensate": None}),
    ({"0": PolicyEdit(timeout=1), "acme": PolicyEdit(timeout=None)}, {"timeout": 1}),
    ({"umbrella": PolicyEdit(timeout=3)}, {}),
]


@pytest.mark.parametrize(("edits", "expected"), MERGED)
def test_a_tenant_goes_before_the_default_field_by_field(
    edits: dict[str, PolicyEdit], expected: dict[str, object]
) -> None:
    kept = Edits(by_tenant={tenant: {"pay": edit} for tenant, edit in edits.items()})
    assert kept.merged("acme", "pay").changes == expected
    assert kept.merged("acme", "refund").changes == {}


# Edits -> what changes in the plan's components: component, field, value; and which are added.
PLANS: list[tuple[dict[str, PolicyEdit], dict[tuple[str, str], object], set[str]]] = [
    ({}, {}, set()),
    ({"giveBack": PolicyEdit(timeout=9)}, {}, set()),
    ({"pay": PolicyEdit(timeout=9)}, {("pay", "timeout"): 9}, set()),
    ({"refund": PolicyEdit(timeout=9)}, {("refund", "timeout"): 9}, set()),
    ({"pay": PolicyEdit(compensate=None)}, {("pay", "compensate"): None}, set()),
    (
        {"pay": PolicyEdit(compensate="giveBack")},
        {("pay", "compensate"): "giveBack", ("giveBack", "timeout"): 6.0},
        {"giveBack"},
    ),
    (
        {"pay": PolicyEdit(compensate="giveBack"), "giveBack": PolicyEdit(timeout=9)},
        {("pay", "compensate"): "giveBack", ("giveBack", "timeout"): 9},
        {"giveBack"},
    ),
    ({"pay": PolicyEdit(compensate="look")}, {("pay", "compensate"): "look"}, set()),
    (
        {"pay": PolicyEdit(retry=RetryPolicy(attempts=3), on_failure=IGNORE)},
        {("pay", "retry"): RetryPolicy(attempts=3), ("pay", "on_failure"): IGNORE},
        set(),
    ),
]


@pytest.mark.parametrize(("edits", "expected", "added"), PLANS)
def test_what_edits_change_in_a_plan(
    edits: dict[str, PolicyEdit], expected: dict[tuple[str, str], object], added: set[str]
) -> None:
    plan = edited_plan(PLAN, lambda id: edits.get(id, PolicyEdit()), KNOWN)
    assert plan.components.keys() - PLAN.components.keys() == added
    found = {
        (id, field): value
        for id, policy in plan.components.items()
        for field, value in dict(policy).items()
        if id in added or value != dict(PLAN.components[id])[field]
    }
    assert expected.items() <= found.items()
    assert {key for key in found if key[0] not in added} <= expected.keys()
    assert plan.sha == PLAN.sha


UNFIT = [
    ("pay", PolicyEdit(compensate="refunt"), "did you mean 'refund'?"),
    ("pay", PolicyEdit(compensate="zzz"), "name one, or null for none"),
    ("isVip", PolicyEdit(on_failure=IGNORE), "give it another strategy than IGNORE"),
    ("isVip", PolicyEdit(on_failure=SKIP), "no default of skip"),
]
SENSELESS = [
    *UNFIT,
    ("pay", PolicyEdit(compensate=""), "name one, or null for none"),
    ("pay", PolicyEdit(compensate="pay"), "cannot undo itself; name another one"),
    ("look", PolicyEdit(compensate="refund"), "read-only: there is nothing to undo; leave this"),
    ("pay", PolicyEdit(timeout=1e9), "1e+09 is too much; give at most 2.592e+06"),
    ("pay", PolicyEdit(retry=RetryPolicy(attempts=10**12)), "at most 10000"),
    ("pay", PolicyEdit(retry=RetryPolicy(max_interval=1e18)), "at most"),
    ("pay", PolicyEdit(on_failure=FailurePolicy(rounds=10**6)), "at most 1000"),
    ("pay", PolicyEdit(on_failure=FailurePolicy(deadline=1e12)), "at most"),
]


@pytest.mark.parametrize(("component", "edit", "mend"), SENSELESS)
def test_what_cannot_be_edited(component: str, edit: PolicyEdit, mend: str) -> None:
    with pytest.raises(MetadataInvalid) as caught:
        check_edit(KNOWN[component], edit, KNOWN)
    assert caught.value.component == component
    assert caught.value.field.partition(".")[0] in edit.changes
    assert mend in str(caught.value)


@pytest.mark.parametrize(("component", "edit", "mend"), UNFIT)
def test_what_no_longer_fits_the_code_starts_no_saga(
    component: str, edit: PolicyEdit, mend: str
) -> None:
    with pytest.raises(MetadataInvalid, match=component):
        edited_plan(PLAN, lambda id: edit if id == component else PolicyEdit(), KNOWN)


SENSIBLE = [
    ("pay", PolicyEdit(compensate="giveBack", timeout=20, compensate_when="always")),
    ("look", PolicyEdit(compensate=None)),
    ("look", PolicyEdit(on_failure=SKIP)),
    ("isVip", PolicyEdit(on_failure=FailurePolicy(strategy=FailureStrategy.MANUAL))),
    ("pay", PolicyEdit(retry=RetryPolicy(attempts=10_000))),
    ("pay", PolicyEdit()),
]


@pytest.mark.parametrize(("component", "edit"), SENSIBLE)
def test_what_can_be_edited(component: str, edit: PolicyEdit) -> None:
    check_edit(KNOWN[component], edit, KNOWN)
