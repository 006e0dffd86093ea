"""Snapshots: what serves, what does not and why, seals between tenants, what is compiled again."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from rules.compiler import ChainText, Compiled, compile_chain
from rules.errors import ChainDisabled, ChainInvalid, ChainUnknown
from rules.plan import ChainNode, ComponentPolicy, Plan, WhenNode
from rules.source import deployment as module
from rules.source.edits import Edits, PolicyEdit
from rules.source.repository import ChainRow
from rules.source.snapshot import Snapshot

Components = Mapping[str, ComponentPolicy]


def row(tenant: str, name: str, text: str, **more: Any) -> ChainRow:
    return ChainRow(tenant=tenant, name=name, text=text, **more)


ROWS = (
    row("1", "order", "THEN(a, pay);", version=4),
    row("1", "pay", "THEN(b, c);"),
    row("1", "other", "THEN(d);"),
    row("1", "broken", "THEN(a, nowhere);"),
    row("1", "draft", "THEN(a);", status="DRAFT"),
    row("1", "off", "THEN(a);", enabled=False),
    row("2", "order", "THEN(d);", transactional=False),
    row("2", "secret", "THEN(d);"),
)


@pytest.fixture
def snapshot(components: Components) -> Snapshot:
    return Snapshot(ROWS, components)


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the chains that are compiled, as it happens."""
    names: list[str] = []

    def counted(name: str, **given: Any) -> Compiled:
        names.append(name)
        return compile_chain(name, **given)

    monkeypatch.setattr(module, "compile_chain", counted)
    return names


def test_a_chain_is_compiled_when_first_asked_for_and_kept(
    snapshot: Snapshot, compilations: list[str]
) -> None:
    compiled = snapshot.compiled("1", "order")
    assert (compiled.plan.chain, compiled.plan.version) == ("order", 4)
    assert compiled.includes == {"pay"}
    assert snapshot.compiled("1", "order") is compiled
    assert compilations == ["order"]


UNKNOWN = [
    ("no such tenant", "3", "order", None),
    ("nothing like it", "1", "zzz", None),
    ("a near name", "1", "oder", "order"),
    ("another tenant's chain", "1", "secret", None),
    ("a near name that does not serve", "1", "drafd", None),
]


@pytest.mark.parametrize(
    ("why", "tenant", "chain", "near"), UNKNOWN, ids=[case[0] for case in UNKNOWN]
)
def test_unknown(snapshot: Snapshot, why: str, tenant: str, chain: str, near: str | None) -> None:
    with pytest.raises(ChainUnknown) as caught:
        snapshot.compiled(tenant, chain)
    assert (caught.value.tenant, caught.value.chain, caught.value.near) == (tenant, chain, near)


@pytest.mark.parametrize("chain", ["draft", "off"])
def test_disabled(snapshot: Snapshot, chain: str) -> None:
    with pytest.raises(ChainDisabled):
        snapshot.compiled("1", chain)
    with pytest.raises(ChainDisabled):
        snapshot.transactional("1", chain)


def test_invalid_is_found_once_and_told_each_time(
    snapshot: Snapshot, compilations: list[str]
) -> None:
    caught = []
    for _ in range(2):
        with pytest.raises(ChainInvalid) as found:
            snapshot.compiled("1", "broken")
        caught.append(found.value)
    assert caught[0].diagnostics == caught[1].diagnostics
    assert caught[0] is not caught[1]
    assert compilations == ["broken"]


def test_a_chain_cannot_include_what_does_not_serve(components: Components) -> None:
    rows = (row("1", "order", "THEN(a, draft);"), row("1", "draft", "THEN(b);", status="DRAFT"))
    with pytest.raises(ChainInvalid, match="draft"):
        Snapshot(rows, components).compiled("1", "order")


def test_tenants_are_sealed_from_each_other(snapshot: Snapshot, components: Components) -> None:
    mine, theirs = snapshot.compiled("1", "order"), snapshot.compiled("2", "order")
    assert set(mine.plan.components) == {"a", "b", "c"}
    assert set(theirs.plan.components) == {"d"}
    assert (snapshot.transactional("1", "order"), snapshot.transactional("2", "order")) == (
        True,
        False,
    )
    assert set(snapshot.chains("2")) == {"order", "secret"}
    assert not snapshot.chains("3")
    borrowed = Snapshot([*ROWS, row("1", "thief", "THEN(secret);")], components)
    with pytest.raises(ChainInvalid):
        borrowed.compiled("1", "thief")


CHANGES: list[tuple[str, tuple[ChainRow, ...], set[str]]] = [
    ("nothing", (), set()),
    ("a chain", (row("1", "other", "THEN(a);"),), {"other"}),
    ("an included chain", (row("1", "pay", "THEN(b);"),), {"order", "pay"}),
    ("only its version", (row("1", "pay", "THEN(b, c);", version=2),), {"order", "pay"}),
    ("another tenant's chain", (row("2", "pay", "THEN(a);"),), set()),
    ("a new chain", (row("1", "new", "THEN(a);"),), set()),
    ("a new chain with a component's name", (row("1", "d", "THEN(a);"),), {"other"}),
]


@pytest.mark.parametrize(("why", "changed", "again"), CHANGES, ids=[case[0] for case in CHANGES])
def test_only_what_changed_is_compiled_again(
    components: Components,
    compilations: list[str],
    why: str,
    changed: tuple[ChainRow, ...],
    again: set[str],
) -> None:
    names = ("order", "pay", "other")
    before = Snapshot(ROWS, components)
    for name in names:
        before.compiled("1", name)
    compilations.clear()
    rows = {(r.tenant, r.name): r for r in (*ROWS, *changed)}
    after = Snapshot(rows.values(), components, before)
    for name in names:
        after.compiled("1", name)
    assert set(compilations) == again


FAMILY = (
    row("1", "base", "THEN(a, {{what}});"),
    row("1", "child", "{{what}} = b;", extends="base"),
    row("1", "grandchild", "", extends="child"),
    row("1", "user", "THEN(child, c);"),
    row("1", "apart", "THEN(d);"),
)
FAMILY_CHANGES: list[tuple[str, ChainRow, set[str]]] = [
    ("the base", row("1", "base", "THEN({{what}});"), {"child", "grandchild", "user"}),
    (
        "what extends it",
        row("1", "child", "{{what}} = c;", extends="base"),
        {"child", "grandchild", "user"},
    ),
    ("whom it extends", row("1", "child", "", extends="apart"), {"child", "grandchild", "user"}),
    ("a route", row("1", "apart", "THEN(d);", route="is"), {"apart"}),
    ("another chain", row("1", "apart", "THEN(c);"), {"apart"}),
]


@pytest.mark.parametrize(
    ("why", "changed", "again"), FAMILY_CHANGES, ids=[case[0] for case in FAMILY_CHANGES]
)
def test_what_extends_a_changed_chain_is_compiled_again(
    components: Components, compilations: list[str], why: str, changed: ChainRow, again: set[str]
) -> None:
    names = ("child", "grandchild", "user", "apart")
    before = Snapshot(FAMILY, components)
    for name in names:
        before.compiled("1", name)
    compilations.clear()
    rows = {one.name: one for one in (*FAMILY, changed)}
    after = Snapshot(rows.values(), components, before)
    for name in names:
        after.compiled("1", name)
    assert set(compilations) == again


@pytest.mark.parametrize("status", [{"status": "DRAFT"}, {"enabled": False}])
def test_what_does_not_serve_cannot_be_extended(
    components: Components, status: dict[str, Any]
) -> None:
    rows = (row("1", "base", "THEN(a);", **status), row("1", "child", "", extends="base"))
    with pytest.raises(ChainInvalid) as caught:
        Snapshot(rows, components).compiled("1", "child")
    assert [one.category for one in caught.value.diagnostics] == ["unknown_base_chain"]


ASKED = {"is": ComponentPolicy(id="is", kind="boolean")}
ROUTED = (
    row("1", "second", "THEN(a);", route="is"),
    row("1", "first", "THEN(a);", route="NOT(is)", version=3),
    row("1", "wrong", "THEN(a);", route="a"),
    row("1", "off", "THEN(a);", route="is", enabled=False),
    row("1", "none", "THEN(a);"),
    row("1", "blank", "THEN(a);", route=" "),
    row("2", "second", "THEN(a);", route="is"),
)


def test_routes(components: Components) -> None:
    snapshot = Snapshot(ROUTED, {**components, **ASKED})
    routes = snapshot.routes("1")
    assert list(routes) == ["first", "second", "wrong"]
    first = routes["first"]
    assert isinstance(first, Plan)
    assert (first.chain, first.version, set(first.components)) == ("first", 3, {"is"})
    assert isinstance(routes["wrong"], ChainInvalid)
    assert list(snapshot.routes("2")) == ["second"]
    assert snapshot.routes("3") == {}


def test_only_changed_routes_are_compiled_again(components: Components) -> None:
    known = {**components, **ASKED}
    before = Snapshot(ROUTED, known)
    old = before.routes("1")
    changed = (*ROUTED, row("1", "first", "THEN(a);", route="is"), row("1", "wrong", "THEN(a);"))
    new = Snapshot({(r.tenant, r.name): r for r in changed}.values(), known, before).routes("1")
    assert list(new) == ["first", "second"]
    assert new["second"] is old["second"]
    assert new["first"] != old["first"]


def test_chains_beneath_are_included_and_extended_and_not_served(components: Components) -> None:
    beneath = (
        row("1", "shared", "THEN(b, {{what}});"),
        row("1", "part", "THEN(c);"),
        row("1", "hidden", "THEN(d);"),
        row("2", "theirs", "THEN(d);"),
    )
    rows = (
        row("1", "main", "{{what}} = THEN(part, own);", extends="shared"),
        row("1", "own", "THEN(a);"),
        row("1", "hidden", "THEN(a);", status="DRAFT"),
        row("1", "peeks", "THEN(hidden);"),
        row("1", "thief", "THEN(theirs);"),
    )
    snapshot = Snapshot(rows, components, beneath=beneath)
    compiled = snapshot.compiled("1", "main")
    assert compiled.includes == {"shared", "part", "own"}
    assert set(compiled.plan.components) == {"a", "b", "c"}
    with pytest.raises(ChainUnknown):
        snapshot.compiled("1", "part")
    for name in ("peeks", "thief"):
        with pytest.raises(ChainInvalid):
            snapshot.compiled("1", name)
    changed = (row("1", "shared", "THEN({{what}});"), *beneath[1:])
    after = Snapshot(rows, components, snapshot, beneath=changed)
    assert set(after.compiled("1", "main").plan.components) == {"a", "c"}


def test_a_chain_that_is_switched_off_stops_serving(components: Components) -> None:
    before = Snapshot([row("1", "order", "THEN(a);")], components)
    before.compiled("1", "order")
    after = Snapshot([row("1", "order", "THEN(a);", enabled=False)], components, before)
    with pytest.raises(ChainDisabled):
        after.compiled("1", "order")
    assert before.compiled("1", "order").plan.chain == "order"


def test_other_components_compile_everything_again(
    components: Components, compilations: list[str]
) -> None:
    before = Snapshot(ROWS, components)
    before.compiled("1", "other")
    changed = {**components, "d": ComponentPolicy(id="d", timeout=1)}
    after = Snapshot(ROWS, changed, before)
    assert after.compiled("1", "other").plan.components["d"].timeout == 1


def test_a_when_without_a_limit_has_the_setting_s(components: Components) -> None:
    rows = (row("1", "main", "WHEN(a, sub)"), row("1", "sub", "WHEN(b).maxWaitSeconds(9)"))
    for limit in (None, 1500):
        root = Snapshot(rows, components, when_max_wait=limit).compiled("1", "main").plan.root
        assert isinstance(root, WhenNode)
        assert (root.max_wait, root.names) == (limit, ("a", "sub") if limit else None)
        inner = root.items[1]
        assert isinstance(inner, ChainNode)
        assert isinstance(inner.body, WhenNode)
        assert inner.body.max_wait == 9000


def test_another_limit_of_when_compiles_everything_again(
    components: Components, compilations: list[str]
) -> None:
    before = Snapshot(ROWS, components, when_max_wait=1)
    before.compiled("1", "other")
    for limit, again in ((1, 1), (2, 2), (None, 3)):
        before = Snapshot(ROWS, components, before, when_max_wait=limit)
        before.compiled("1", "other")
        assert len(compilations) == again


PUBLISHED = [
    ("sound", "order", "THEN(a, pay);", []),
    ("a chain that did not serve", "draft", "THEN(order);", []),
    ("a new one", "new", "THEN(a, other);", []),
    ("an unknown name", "new", "THEN(a, nowhere);", ["unknown_ref"]),
    ("includes one that fails", "new", "THEN(broken);", ["unknown_ref"]),
    ("of another tenant", "new", "THEN(secret);", ["unknown_ref"]),
    ("in a circle", "pay", "THEN(order);", ["cyclic"]),
    ("a reserved name", "chainsaga.x", "THEN(a);", ["reserved_name"]),
    ("the compiler warns", "new", "THEN(a); THEN(b);", ["discarded_statement"]),
    ("the lint warns", "new", "THEN(act, a);", ["no_undo"]),
    ("edited to have an undo", "new", "THEN(mended, a);", []),
]


@pytest.mark.parametrize(
    ("_", "name", "text", "codes"), PUBLISHED, ids=[case[0] for case in PUBLISHED]
)
def test_a_text_is_checked_before_it_is_published(
    components: Components, _: str, name: str, text: str, codes: list[str]
) -> None:
    more = {id: ComponentPolicy(id=id) for id in ("act", "mended", "mend")}
    edits = Edits(by_tenant={"1": {"mended": PolicyEdit(compensate="mend")}})
    snapshot = Snapshot(ROWS, {**components, **more}, edits=edits)
    assert [one.category for one in snapshot.checked("1", ChainText(name, text))] == codes
    assert snapshot.chains("1").keys() == {row.name for row in ROWS if row.tenant == "1"}


def test_a_tenant_s_first_chain_is_checked(components: Components) -> None:
    assert Snapshot((), components).checked("9", ChainText("first", "THEN(a);")) == ()


def test_threads_that_ask_together_compile_once(
    snapshot: Snapshot, compilations: list[str]
) -> None:
    barrier = threading.Barrier(8)
    answers: list[Compiled] = []

    def ask() -> None:
        barrier.wait(10)
        answers.append(snapshot.compiled("1", "order"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len({id(answer) for answer in answers}) == 1
    assert compilations == ["order"]


def test_a_chain_cannot_be_named_like_a_job(components: Components) -> None:
    named = Snapshot([row("1", "chainsaga.reconcile", "THEN(a);")], components)
    with pytest.raises(ChainInvalid, match=r"'chainsaga\.' are reserved"):
        named.compiled("1", "chainsaga.reconcile")
