"""What a change of a script would break, against trying every chain of every tenant."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any

import pytest

from rules.config.breaking import would_break_by_script
from rules.config.kinds import Key
from rules.errors import ChainInvalid
from rules.plan import ComponentPolicy, Kind
from rules.source.chains import TenantChains
from rules.source.deployment import Deployments
from rules.source.quarantine import problems
from rules.source.repository import ChainRow
from rules.source.scripts import ScriptRow
from rules.source.snapshot import Snapshot
from rules.source.tenant_scripts import Scripts

TENANTS = ("0", "1", "2", "3")
NAMESPACES = ("default", "decisions")
IDS = ("s1", "s2", "s2Compensate", "a")
"""`a` is registered, too."""
CHAINS = ("s1", "one", "two", "three")
TEXTS = (
    "THEN(a);",
    "THEN(s1);",
    "THEN(s2, a);",
    "IF(s1, a);",
    "IF(s2, THEN(a, s1));",
    "THEN(one);",
    "WHEN(two, three);",
    "THEN(node(s2));",
    "IF(s1, s2);",
)
TYPES = (*["script", "boolean_script"] * 3, "wizard")
REGISTERED = {"a": ComponentPolicy(id="a", read_only=True)}


class Speaking:
    """Says of a text what it says of itself."""

    languages = ("python",)

    def problem(self, language: str, kind: Kind, text: str) -> str | None:
        return text if text.startswith("bad") else None


@dataclass
class Served:
    """Rules as they are, in all namespaces."""

    snapshots: Mapping[str, Snapshot]

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(self.snapshots)

    def snapshot_of(self, namespace: str) -> Snapshot:
        return self.snapshots[namespace]

    def poll(self, *, keep: bool = True) -> bool:
        return keep

    def refresh(self) -> bool:
        return True

    def alone(self) -> AbstractContextManager[None]:
        return nullcontext()


def script(random: Random, tenant: str, id: str) -> ScriptRow:
    return ScriptRow(
        tenant=tenant,
        id=id,
        text=random.choice(["good", "better", "best", "bad"]),
        type=random.choice(TYPES),
        language=random.choice(["python"] * 4 + ["cobol"]),
        enabled=random.random() < 0.8,
        status=random.choice(["PUBLISHED"] * 4 + ["DRAFT"]),
    )


def scripts(random: Random) -> dict[tuple[str, str], ScriptRow]:
    found = {}
    for tenant in TENANTS:
        for id in IDS:
            if random.random() < (0.7 if tenant == "0" else 0.25):
                found[tenant, id] = script(random, tenant, id)
    return found


def chains(random: Random) -> dict[str, list[ChainRow]]:
    """By namespace."""
    return {
        namespace: [
            ChainRow(tenant=tenant, name=name, text=random.choice(TEXTS))
            for tenant in TENANTS
            for name in CHAINS
            if random.random() < 0.6
        ]
        for namespace in NAMESPACES
    }


def served(rows: Mapping[str, list[ChainRow]], known: Iterable[ScriptRow]) -> Served:
    made = Deployments(REGISTERED, scripts=Scripts(known), engines=Speaking())
    snapshots: dict[str, Snapshot] = {}
    for namespace, own in rows.items():
        beneath = rows[NAMESPACES[0]] if snapshots else ()
        snapshots[namespace] = Snapshot(
            own, REGISTERED, beneath=beneath, namespace=namespace, deployments=made
        )
    return Served(snapshots)


def sound(rules: Served) -> Iterator[tuple[str, str, str]]:
    for namespace, snapshot in rules.snapshots.items():
        for tenant in snapshot.tenants:
            for name in snapshot.chains(tenant):
                try:
                    snapshot.compiled(tenant, name)
                except ChainInvalid:
                    continue
                yield namespace, tenant, name


@pytest.mark.parametrize("seed", range(40))
def test_every_chain_that_a_script_breaks_is_found_and_no_other(seed: int) -> None:
    random = Random(seed)
    rows, known = chains(random), scripts(random)
    before = served(rows, known.values())
    good = set(sound(before))
    for tenant, id in product(TENANTS, IDS):
        row = None if random.random() < 0.5 else script(random, tenant, id)
        after = {key: one for key, one in known.items() if key != (tenant, id)}
        if row is not None:
            after[tenant, id] = row
        gone = good - set(sound(served(rows, after.values())))
        found = would_break_by_script(before, Key("", tenant, id), row)
        called = {name if whose == tenant else f"{whose}/{name}" for _, whose, name in gone}
        assert {name.partition("@")[0] for name in found} == called
        assert len(found) == len(gone)
        for name, why in found.items():
            assert why
            assert all(bool(one.drawing) is ("/" not in name) for one in why)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The chains that are tried from now on."""
    tried: list[str] = []

    def counting(chains: TenantChains, names: Iterable[str]) -> Mapping[str, object]:
        tried.extend(names)
        return problems(chains, names)

    monkeypatch.setattr("rules.config.breaking.problems", counting)
    return tried


def shared(**fields: Any) -> ScriptRow:
    return ScriptRow(tenant="0", id="s1", **{"text": "x", "language": "python", **fields})


WORK: list[tuple[str, ScriptRow, ScriptRow | None, int, int]] = [
    # Where nothing but the text differs, only a plan's size could break a chain.
    ("another text", shared(), shared(text="x" * 99), 0, 60),
    ("gone", shared(), None, 20, 100),
    ("switched on", shared(enabled=False), shared(), 0, 0),
    ("usable again", shared(text="bad"), shared(type="boolean_script"), 0, 0),
]


@pytest.mark.parametrize(
    ("before", "after", "broken", "most"),
    [case[1:] for case in WORK],
    ids=[case[0] for case in WORK],
)
def test_the_work_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
    before: ScriptRow,
    after: ScriptRow | None,
    broken: int,
    most: int,
) -> None:
    monkeypatch.setattr("rules.config.breaking.MOST_TRIED", 50)
    monkeypatch.setattr("rules.config.breaking.MOST_BROKEN", 20)
    names = [f"c{number}" for number in range(300)]
    rows = [ChainRow(tenant="1", name=name, text="THEN(s1);") for name in names]
    rows += [ChainRow(tenant="1", name=f"d{number}", text="THEN(a);") for number in range(300)]
    rules = served({"default": rows}, [before])
    tried = counted(monkeypatch)
    found = would_break_by_script(rules, Key("", "0", "s1"), after)
    assert len(found) == broken
    assert len(tried) <= most
    assert set(tried) <= set(names), "only chains that name it"
