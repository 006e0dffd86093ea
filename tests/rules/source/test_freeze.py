"""The freeze: what is kept of chain and request, and what tells one request from another."""

from collections.abc import Mapping

import pytest
from pydantic import JsonValue

from rules.errors import ChainUnknown
from rules.plan import ComponentPolicy
from rules.source.freeze import freeze, request_sha
from rules.source.repository import ChainRow
from rules.source.snapshot import Snapshot
from rules.wire import SagaOptions


@pytest.fixture
def snapshot(components: Mapping[str, ComponentPolicy]) -> Snapshot:
    rows = (
        ChainRow(tenant="1", name="order", text="THEN(a, b);", version=7),
        ChainRow(tenant="1", name="plain", text="THEN(a);", transactional=False),
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
