"""Script components from their table: whose they are, how changes arrive, what a bad one harms."""

import dataclasses
from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import Engine, inspect, text

from rules.errors import ChainInvalid, MetadataInvalid
from rules.plan import ComponentPolicy, Kind
from rules.source.edits import PolicyEdit
from rules.source.freeze import freeze_current
from rules.source.metadata import MetadataRepository, Write
from rules.source.naming import RuleNames
from rules.source.repository import ChainRepository, ChainRow
from rules.source.service import RuleSource
from tests.rules.source.script_rows import APPLICATION, drop_script, put_script

ORDER = ChainRow(tenant="1", name="order", text="THEN(a, price);")
PLAIN = ChainRow(tenant="1", name="plain", text="THEN(b);")
THEIRS = ChainRow(tenant="2", name="order", text="THEN(a, price);")
RULES = (ORDER, PLAIN, THEIRS)


class Engines:
    """A text with `((` is wrong."""

    languages = ("python", "cel")

    def problem(self, language: str, kind: Kind, text: str) -> str | None:
        return "line 1: unbalanced" if "((" in text else None


@pytest.fixture
def source(
    engine: Engine, repository: ChainRepository, components: Mapping[str, ComponentPolicy]
) -> RuleSource:
    for row in RULES:
        repository.save(row)
    return RuleSource(engine, APPLICATION, "default", components, engines=Engines())


def texts(source: RuleSource, tenant: str = "1", chain: str = "order") -> dict[str, str]:
    """What the scripts say that a saga would keep."""
    plan = freeze_current(source, tenant, chain, {}).plan
    return {id: one.script.text for id, one in plan.components.items() if one.script}


def problem(source: RuleSource, tenant: str = "1", chain: str = "order") -> str:
    with pytest.raises(ChainInvalid) as invalid:
        source.snapshot.compiled(tenant, chain)
    return invalid.value.diagnostics[0].message


# Rows of the script `price` by tenant -> what it says for tenant 1 and for tenant 2; None: unknown.
WHOSE: dict[str, tuple[list[tuple[str, str, dict[str, str | bool]]], str | None, str | None]] = {
    "nobody's": ([], None, None),
    "shared": ([("0", "return 0", {})], "return 0", "return 0"),
    "own": ([("1", "return 1", {})], "return 1", None),
    "own over shared": ([("0", "return 0", {}), ("2", "return 2", {})], "return 0", "return 2"),
    "draft": ([("0", "return 0", {"status": "DRAFT"})], None, None),
    "disabled": ([("0", "return 0", {"enabled": False})], None, None),
    "own, disabled, over shared": (
        [("0", "return 0", {}), ("1", "return 1", {"enabled": False})],
        None,
        "return 0",
    ),
    "another application's": ([("0", "return 0", {"application": "other"})], None, None),
}


@pytest.mark.parametrize("what", WHOSE)
def test_whose_scripts_a_tenant_has(engine: Engine, source: RuleSource, what: str) -> None:
    rows, first, second = WHOSE[what]
    for tenant, said, more in rows:
        put_script(engine, tenant, "price", said, **more)  # type: ignore[arg-type]
    assert source.refresh()
    for tenant, expected in (("1", first), ("2", second)):
        if expected is None:
            assert problem(source, tenant) == "there is no component and no chain 'price'"
        else:
            assert texts(source, tenant) == {"price": expected}


@dataclasses.dataclass(frozen=True)
class Change:
    """What somebody does to the scripts of tenant 1, and what then serves."""

    do: Callable[[Engine], None]
    serves: Mapping[str, str]
    bad: bool = True


GOOD = {"price": "return 1"}
CHANGES = {
    "text": Change(lambda e: put_script(e, "1", "price", "return 2"), {"price": "return 2"}, False),
    "same": Change(lambda e: put_script(e, "1", "price", "return 1"), GOOD, False),
    "gone": Change(lambda e: drop_script(e, "1", "price"), GOOD),
    "draft": Change(lambda e: put_script(e, "1", "price", "x", status="DRAFT"), GOOD),
    "bad": Change(lambda e: put_script(e, "1", "price", "(("), GOOD),
    "no engine": Change(lambda e: put_script(e, "1", "price", "2", language="lua"), GOOD),
    "kind": Change(lambda e: put_script(e, "1", "price", "2", type="for_script"), GOOD),
    "undone now": Change(
        lambda e: put_script(e, "1", "priceCompensate", "return 3"),
        {"price": "return 1", "priceCompensate": "return 3"},
        False,
    ),
    "badly undone": Change(lambda e: put_script(e, "1", "priceCompensate", "(("), GOOD),
}


@pytest.fixture(params=["by triggers", "by times"])
def polls(request: pytest.FixtureRequest) -> int:
    """How many polls it takes until everything is seen."""
    if request.param == "by triggers":
        return 1
    request.getfixturevalue("without_triggers")
    # What is gone leaves no time behind: each tenth poll compares all rows.
    return 10


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_live_and_a_bad_one_harms_nobody(
    engine: Engine, source: RuleSource, polls: int, name: str
) -> None:
    change = CHANGES[name]
    put_script(engine, "1", "price", "return 1")
    put_script(engine, "2", "price", "return 9")
    assert source.refresh()
    assert texts(source) == GOOD
    theirs = source.snapshot.tenant("2")
    change.do(engine)
    for _ in range(polls):
        assert source.poll()
    assert texts(source) == change.serves
    assert set(source.snapshot.held("1")) == ({"order"} if change.bad else set())
    assert source.snapshot.tenant("2") is theirs
    assert texts(source, "2") == {"price": "return 9"}
    put_script(engine, "1", "price", "return 4")
    put_script(engine, "1", "priceCompensate", "return 5")
    assert source.poll()
    assert texts(source) == {"price": "return 4", "priceCompensate": "return 5"}
    assert not source.snapshot.held("1")


def test_only_chains_that_name_it_are_compiled_again(engine: Engine, source: RuleSource) -> None:
    put_script(engine, "1", "price", "return 1")
    assert source.refresh()
    plain, order = (source.snapshot.compiled("1", chain) for chain in ("plain", "order"))
    put_script(engine, "1", "other", "return 2")
    put_script(engine, "1", "price", "return 2")
    assert source.poll()
    assert source.snapshot.compiled("1", "plain") is plain
    assert source.snapshot.compiled("1", "order") is not order


def test_the_sha_follows_and_a_touched_row_changes_nothing(
    engine: Engine, source: RuleSource
) -> None:
    put_script(engine, "0", "price", "return 1")
    assert source.refresh()
    before, snapshot = source.status.sha, source.snapshot
    put_script(engine, "0", "price", "return 1")
    assert source.poll()
    assert source.snapshot is snapshot
    put_script(engine, "0", "price", "return 2")
    assert source.poll()
    shas = {before, source.status.sha}
    put_script(engine, "0", "price", "return 1")
    assert source.refresh()
    assert source.status.sha not in shas, "the old text is a new version"
    assert len(shas) == 2
    rows = source.snapshot.deployments.scripts.own("0")
    assert (rows["price"].text, rows["price"].version) == ("return 1", 3)


def test_a_script_with_the_id_of_a_component_breaks_what_names_it(
    engine: Engine, source: RuleSource
) -> None:
    put_script(engine, "1", "price", "return 1")
    put_script(engine, "1", "b", "return 1")
    assert source.refresh()
    assert "has the id of a component that is registered" in problem(source, chain="plain")
    assert texts(source) == {"price": "return 1"}


def test_a_script_hides_a_chain_of_its_name(
    engine: Engine, repository: ChainRepository, source: RuleSource
) -> None:
    repository.save(dataclasses.replace(PLAIN, name="price"))
    assert source.refresh()
    assert texts(source) == {}
    put_script(engine, "1", "price", "return 1")
    assert source.poll()
    assert texts(source) == {"price": "return 1"}
    drop_script(engine, "1", "price")
    assert source.poll()
    assert texts(source) == {}


def test_metadata_names_a_script_as_compensation(engine: Engine, source: RuleSource) -> None:
    for id, said in (("price", "return 1"), ("giveBack", "return 2"), ("bad", "return 2")):
        put_script(engine, "1", id, said)
    metadata = MetadataRepository(engine, APPLICATION)
    for component, compensate in (("price", "giveBack"), ("a", "bad")):
        metadata.edit(
            Write(
                tenant="1",
                policy=ComponentPolicy(id=component, compensate=compensate),
                compensation_source="edited",
                edit=PolicyEdit(compensate=compensate),
                version=0,
                operator="ann",
            )
        )
    assert source.refresh()
    frozen = freeze_current(source, "1", "order", {}).plan.components
    assert (frozen["price"].compensate, frozen["a"].compensate) == ("giveBack", "bad")
    assert frozen["giveBack"].script is not None
    put_script(engine, "1", "bad", "((")
    assert source.poll()
    with pytest.raises(MetadataInvalid, match="the script 'bad' cannot be used"):
        freeze_current(source, "1", "order", {})


def test_a_table_of_others_is_read_as_far_as_it_goes(
    engine: Engine, repository: ChainRepository, components: Mapping[str, ComponentPolicy]
) -> None:
    repository.save(dataclasses.replace(ORDER, tenant="1"))
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE scripts (app VARCHAR(100), sid VARCHAR(100), body TEXT, lang TEXT)")
        )
        connection.execute(
            text("INSERT INTO scripts VALUES ('dms-liteflow', 'price', 'return 7', 'python')")
        )
    try:
        names = RuleNames(
            script_table="scripts",
            script_application_name_field="app",
            script_id_field="sid",
            script_data_field="body",
            script_language_field="lang",
        )
        source = RuleSource(
            engine, APPLICATION, "default", components, names=names, engines=Engines()
        )
        assert source.refresh()
        assert texts(source) == {"price": "return 7"}
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE scripts"))
    assert "scripts" not in inspect(engine).get_table_names()
