"""The freeze: what is kept of chain and request, and what tells one request from another."""

from collections.abc import Mapping

import pytest
from pydantic import JsonValue

from rules.errors import ChainUnknown, MetadataInvalid, OverrideInvalid, TooLarge
from rules.plan import (
    ComponentPolicy,
    FailurePolicy,
    FailureStrategy,
    PolicyOverride,
    RetryPolicy,
)
from rules.request_sha import request_sha
from rules.sizes import KEY_LIMIT, REQUEST_LIMIT
from rules.source.edits import Edits, PolicyEdit
from rules.source.freeze import freeze
from rules.source.repository import ChainRow
from rules.source.snapshot import Snapshot
from rules.wire import SagaOptions


@pytest.fixture
def snapshot(components: Mapping[str, ComponentPolicy]) -> Snapshot:
    rows = (
        ChainRow(tenant="1", name="order", text="THEN(a, b);", version=7),
        ChainRow(tenant="1", name="plain", text="THEN(a);", transactional=False),
        ChainRow(tenant="1", name="onward", text="THEN(a);", undo_policy="continue"),
        ChainRow(tenant="1", name="stopped", text="THEN(a);", undo_policy="stop"),
    )
    return Snapshot(rows, components)


def test_what_is_frozen(snapshot: Snapshot) -> None:
    frost = freeze(snapshot, "1", "order", {"item": "book"}, business_key="ada")
    assert (frost.plan.chain, frost.plan.version) == ("order", 7)
    assert (frost.request, frost.business_key) == ({"item": "book"}, "ada")
    assert frost.request_sha == request_sha("order", {"item": "book"})
    with pytest.raises(ChainUnknown):
        freeze(snapshot, "2", "order", None)


OPTIONS = [
    ("order", SagaOptions(), True),
    ("order", SagaOptions(saga=False), False),
    ("plain", SagaOptions(), False),
    ("plain", SagaOptions(max_parallel=2), False),
    ("plain", SagaOptions(saga=True), True),
]


@pytest.mark.parametrize(("chain", "options", "saga"), OPTIONS)
def test_the_request_overrides_the_chain(
    snapshot: Snapshot, chain: str, options: SagaOptions, saga: bool
) -> None:
    frost = freeze(snapshot, "1", chain, None, options=options)
    assert frost.options.saga is saga
    assert frost.options.max_parallel == options.max_parallel


UNDO_POLICIES = [
    ("order", SagaOptions(), "stop"),
    ("order", SagaOptions(undo_policy="continue"), "continue"),
    ("onward", SagaOptions(), "continue"),
    ("onward", SagaOptions(max_parallel=2), "continue"),
    ("onward", SagaOptions(undo_policy="stop"), "stop"),
    ("stopped", SagaOptions(), "stop"),
    ("stopped", SagaOptions(undo_policy="continue"), "continue"),
]


@pytest.mark.parametrize(("chain", "options", "policy"), UNDO_POLICIES)
def test_undo_policy_is_the_requests_else_the_chains_else_stop(
    snapshot: Snapshot, chain: str, options: SagaOptions, policy: str
) -> None:
    assert freeze(snapshot, "1", chain, None, options=options).options.undo_policy == policy


DEFAULT, OWN, ASKED = PolicyEdit(timeout=2), PolicyEdit(timeout=3), PolicyOverride(timeout=4)
PRECEDENCE: list[tuple[PolicyEdit | None, PolicyEdit | None, PolicyOverride | None, float]] = [
    (None, None, None, 1),
    (DEFAULT, None, None, 2),
    (None, OWN, None, 3),
    (DEFAULT, OWN, None, 3),
    (None, None, ASKED, 4),
    (DEFAULT, None, ASKED, 4),
    (None, OWN, ASKED, 4),
    (DEFAULT, OWN, ASKED, 4),
    (DEFAULT, OWN, PolicyOverride(retry=RetryPolicy(attempts=2)), 3),
    (DEFAULT, PolicyEdit(retry=RetryPolicy(attempts=2)), None, 2),
]


@pytest.mark.parametrize(("default", "own", "asked", "timeout"), PRECEDENCE)
def test_whose_policy_holds(
    default: PolicyEdit | None,
    own: PolicyEdit | None,
    asked: PolicyOverride | None,
    timeout: float,
) -> None:
    edits = {tenant: {"a": edit} for tenant, edit in (("0", default), ("1", own)) if edit}
    snapshot = Snapshot(
        [ChainRow(tenant=tenant, name="c", text="THEN(a);") for tenant in ("1", "2")],
        {"a": ComponentPolicy(id="a", timeout=1)},
        edits=Edits(by_tenant=edits),
    )
    overrides = {"a": asked} if asked else {}
    frozen = freeze(snapshot, "1", "c", None, overrides=overrides)
    assert frozen.plan.components["a"].timeout == timeout
    assert snapshot.compiled("1", "c").plan.components["a"].timeout == 1, "compiled once for all"
    other = freeze(snapshot, "2", "c", None).plan.components["a"].timeout
    assert other == (2 if default else 1), "another tenant's edit is its own"


def test_an_edited_compensation_is_in_the_plan_with_its_own_edits() -> None:
    known = {id: ComponentPolicy(id=id) for id in ("a", "undo")}
    edits = {"1": {"a": PolicyEdit(compensate="undo"), "undo": PolicyEdit(timeout=9)}}
    row = ChainRow(tenant="1", name="c", text="THEN(a);")
    snapshot = Snapshot([row], known, edits=Edits(by_tenant=edits))
    plan = freeze(snapshot, "1", "c", None).plan
    assert (plan.components["a"].compensate, plan.components["undo"].timeout) == ("undo", 9)
    del known["undo"]
    with pytest.raises(MetadataInvalid, match="'undo' is registered"):
        freeze(snapshot, "1", "c", None)


def test_a_request_cannot_make_an_edit_nonsense() -> None:
    """Each may be right for itself; what counts is what comes out."""
    ignore = FailurePolicy(strategy=FailureStrategy.IGNORE)
    known = {"is": ComponentPolicy(id="is", kind="boolean", read_only=True)}
    known["a"] = ComponentPolicy(id="a")
    row = ChainRow(tenant="1", name="c", text="IF(is, a);")
    snapshot = Snapshot([row], known, edits=Edits(by_tenant={"1": {"is": OWN}}))
    with pytest.raises(OverrideInvalid, match="condition"):
        freeze(snapshot, "1", "c", None, overrides={"is": PolicyOverride(on_failure=ignore)})


SAME: list[tuple[str, JsonValue, str, JsonValue, bool]] = [
    ("order", {"a": 1, "b": [1, 2]}, "order", {"b": [1, 2], "a": 1}, True),
    ("order", {"a": 1}, "refund", {"a": 1}, False),
    ("order", {"b": [1, 2]}, "order", {"b": [2, 1]}, False),
    ("order", {"a": 1}, "order", {"a": "1"}, False),
    ("order", None, "order", {}, False),
    ("order", "下单", "order", "下单", True),
]


@pytest.mark.parametrize(("chain", "request_", "other_chain", "other", "same"), SAME)
def test_which_requests_are_the_same(
    chain: str, request_: JsonValue, other_chain: str, other: JsonValue, same: bool
) -> None:
    assert (request_sha(chain, request_) == request_sha(other_chain, other)) is same


def test_the_hash_never_changes() -> None:
    """Workflows that run now are compared with starts of later releases."""
    assert request_sha("order", {"item": "book", "quantity": 1}) == (
        "bc4cc5771a82620a5d27183ea053472ba81337ca929e0c5210740919335369cd"
    )


def test_a_lone_surrogate_has_a_hash_too() -> None:
    assert len(request_sha("order", "\ud800")) == 64


SIZES = [
    ("x" * (REQUEST_LIMIT - 2), None, None),
    ("x" * (REQUEST_LIMIT - 1), None, "the request has"),
    (None, "票" * (KEY_LIMIT // 3), None),
    (None, "票" * (KEY_LIMIT // 3 + 1), "the business key has"),
]


@pytest.mark.parametrize(("request_data", "key", "problem"), SIZES, ids=range(len(SIZES)))
def test_what_could_not_be_kept_is_refused(
    snapshot: Snapshot, request_data: JsonValue, key: str | None, problem: str | None
) -> None:
    if problem is None:
        assert freeze(snapshot, "1", "order", request_data, business_key=key).business_key == key
        return
    with pytest.raises(TooLarge, match=problem):
        freeze(snapshot, "1", "order", request_data, business_key=key)
