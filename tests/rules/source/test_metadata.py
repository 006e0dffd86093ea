"""Component metadata: scanning is idempotent, people's edits are theirs, one of two wins."""

import threading
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from structlog.testing import capture_logs

from rules.errors import MetadataInvalid, MetadataStale
from rules.plan import ComponentPolicy, FailurePolicy, FailureStrategy, RetryPolicy
from rules.source.edits import Edits, PolicyEdit
from rules.source.metadata import EDITED, MetadataRepository, MetadataRow, Write
from rules.source.tables import saga_component_metadata

STOCK = ComponentPolicy(
    id="deductStock", compensate="restoreStock", retry=RetryPolicy(attempts=5), timeout=0.1
)
RESTORE = ComponentPolicy(id="restoreStock")
BOTH = {policy.id: policy for policy in (STOCK, RESTORE)}
NONE = frozenset[str]()
MANUAL = FailurePolicy(strategy=FailureStrategy.MANUAL, deadline=0.5, default="skip")


@pytest.fixture
def metadata(engine: Engine) -> MetadataRepository:
    return MetadataRepository(engine, "shop")


def rows(engine: Engine) -> dict[tuple[str, str], dict[str, Any]]:
    with engine.connect() as connection:
        found = connection.execute(select(saga_component_metadata)).mappings().all()
    return {(row["tenant_id"], row["component_id"]): dict(row) for row in found}


def edits(engine: Engine, metadata: MetadataRepository) -> Edits:
    with engine.connect() as connection:
        return metadata.read_edits(connection)


def write(
    tenant: str, edit: PolicyEdit, version: int = 0, *, policy: ComponentPolicy = STOCK
) -> Write:
    return Write(
        tenant=tenant,
        policy=policy.model_copy(update=edit.changes),
        compensation_source="edited" if "compensate" in edit.changes else "declared",
        edit=edit,
        version=version,
        operator="ann",
    )


def changed(**fields: object) -> dict[str, ComponentPolicy]:
    return {**BOTH, STOCK.id: STOCK.model_copy(update=fields)}


def test_what_is_declared_is_written(engine: Engine, metadata: MetadataRepository) -> None:
    policies = changed(on_failure=MANUAL, compensate_when="always")
    assert metadata.scan(policies, NONE) == 2
    found = rows(engine)
    row = found["0", "deductStock"]
    assert (row["application_name"], row["source"], row["version"]) == ("shop", "scan", 0)
    assert (row["compensate"], row["compensation_source"]) == ("restoreStock", "declared")
    assert (row["compensate_when"], row["timeout_seconds"]) == ("always", 0.1)
    assert RetryPolicy.model_validate(row["retry"]) == STOCK.retry
    assert (row["failure_strategy"], row["failure_deadline_seconds"], row["failure_default"]) == (
        "MANUAL",
        0.5,
        "skip",
    )
    restore = found["0", "restoreStock"]
    assert (restore["retry"], restore["compensation_source"]) == (None, None)
    assert edits(engine, metadata) == Edits()


def test_the_same_again_touches_nothing(engine: Engine, metadata: MetadataRepository) -> None:
    metadata.scan(BOTH, NONE)
    before = rows(engine)
    assert metadata.scan(dict(reversed(BOTH.items())), NONE) == 0
    assert rows(engine) == before


CHANGES: list[tuple[dict[str, object], frozenset[str], dict[str, object]]] = [
    ({"compensate": None}, NONE, {"compensate": None, "compensation_source": None}),
    ({}, frozenset({"deductStock"}), {"compensation_source": "inferred"}),
    ({"retry": None}, NONE, {"retry": None}),
    ({"retry": RetryPolicy(attempts=6)}, NONE, {"version": 0}),
    ({"timeout": 2.0}, NONE, {"timeout_seconds": 2.0}),
    ({"read_only": True}, NONE, {"read_only": True}),
    ({"on_failure": MANUAL}, NONE, {"failure_strategy": "MANUAL"}),
    ({"on_failure": FailurePolicy(rounds=3)}, NONE, {"failure_rounds": 3}),
    ({"compensate_when": "always"}, NONE, {"compensate_when": "always"}),
]


@pytest.mark.parametrize(("fields", "inferred", "told"), CHANGES)
def test_a_changed_declaration_is_written(
    engine: Engine,
    metadata: MetadataRepository,
    fields: dict[str, object],
    inferred: frozenset[str],
    told: dict[str, object],
) -> None:
    metadata.scan(BOTH, NONE)
    other = MetadataRepository(engine, "bank")
    other.scan(BOTH, NONE)
    assert metadata.scan(changed(**fields), inferred) == 1
    with engine.connect() as connection:
        query = select(saga_component_metadata).where(
            saga_component_metadata.c.component_id == STOCK.id,
            saga_component_metadata.c.application_name == "shop",
        )
        row = connection.execute(query).mappings().one()
    assert {name: row[name] for name in told} == told
    assert other.scan(BOTH, NONE) == 0, "applications are apart"


EDIT = PolicyEdit(timeout=99.0, compensate=None)


@pytest.mark.parametrize("tenant", ["0", "acme"])
def test_an_edited_row_stays_as_it_is(
    engine: Engine, metadata: MetadataRepository, tenant: str
) -> None:
    metadata.scan(BOTH, NONE)
    metadata.edit(write(tenant, EDIT))
    before = rows(engine)[tenant, "deductStock"]
    assert (before["source"], before["timeout_seconds"], before["compensate"]) == (
        EDITED,
        99.0,
        None,
    )
    metadata.scan(changed(compensate=None, timeout=7.0), NONE)
    assert rows(engine)[tenant, "deductStock"] == before
    assert edits(engine, metadata) == Edits(by_tenant={tenant: {"deductStock": EDIT}})


def test_an_edit_before_the_first_scan_stays(engine: Engine, metadata: MetadataRepository) -> None:
    metadata.edit(write("0", EDIT))
    assert metadata.scan(BOTH, NONE) == 1
    assert edits(engine, metadata).own("0", "deductStock") == EDIT


def test_an_edit_that_was_given_up_follows_the_code_again(
    engine: Engine, metadata: MetadataRepository
) -> None:
    metadata.scan(BOTH, NONE)
    metadata.edit(write("0", EDIT))
    given_up = metadata.edit(write("0", PolicyEdit(), 1))
    assert (given_up.version, given_up.edited_by, given_up.edit.changes) == (2, "ann", {})
    assert edits(engine, metadata) == Edits()
    assert metadata.scan(BOTH, NONE) == 0
    assert metadata.scan(changed(timeout=7.0), NONE) == 1
    row = rows(engine)["0", "deductStock"]
    assert (row["timeout_seconds"], row["compensate"], row["version"]) == (7.0, "restoreStock", 2)


def test_a_component_that_is_gone_is_marked_until_it_returns(
    engine: Engine, metadata: MetadataRepository
) -> None:
    metadata.scan(BOTH, NONE)
    metadata.edit(write("0", EDIT))
    metadata.edit(write("acme", EDIT))
    with capture_logs() as logs:
        assert metadata.scan({RESTORE.id: RESTORE}, NONE) == 0
        assert metadata.scan({RESTORE.id: RESTORE}, NONE) == 0
    assert [line["components"] for line in logs] == [["deductStock"]]
    known = metadata.rows("acme")
    assert known["0", "deductStock"].gone_since is not None
    assert known["0", "restoreStock"].gone_since is None
    assert known["acme", "deductStock"].edit == EDIT
    metadata.scan(BOTH, NONE)
    assert metadata.rows("acme")["0", "deductStock"].gone_since is None
    assert edits(engine, metadata).merged("acme", "deductStock") == EDIT


FIELDS = [
    PolicyEdit(compensate="giveBack"),
    PolicyEdit(compensate=None),
    PolicyEdit(compensate_when="always"),
    PolicyEdit(retry=RetryPolicy(attempts=2, interval=0.1, backoff=1.5, max_interval=3)),
    PolicyEdit(timeout=0.1),
    PolicyEdit(on_failure=MANUAL),
    PolicyEdit(compensate=None, timeout=1 / 3, retry=RetryPolicy(), on_failure=FailurePolicy()),
]


@pytest.mark.parametrize("edit", FIELDS, ids=lambda edit: ",".join(edit.changes))
def test_an_edit_is_read_as_it_was_written_and_once(
    engine: Engine, metadata: MetadataRepository, edit: PolicyEdit
) -> None:
    kept = metadata.edit(write("acme", edit))
    assert (kept.edit, kept.version, kept.edited_by) == (edit, 1, "ann")
    assert kept.edited_at is not None
    again = metadata.edit(write("acme", edit))
    assert again == kept, "the same again changes nothing, whatever version it was made for"
    assert metadata.rows("acme") == {("acme", "deductStock"): kept}
    assert metadata.rows("other") == {}
    assert edits(engine, metadata) == Edits(by_tenant={"acme": {"deductStock": edit}})


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_stale_edit_is_refused_and_says_who_was_quicker(
    engine: Engine, metadata: MetadataRepository, version: int
) -> None:
    metadata.edit(write("acme", EDIT))
    metadata.edit(write("acme", PolicyEdit(timeout=5), 1))
    before = rows(engine)
    with pytest.raises(MetadataStale, match=rf"at version 2, by ann, not {version}") as caught:
        metadata.edit(write("acme", PolicyEdit(timeout=6), version))
    assert (caught.value.version, caught.value.edited_by) == (2, "ann")
    assert rows(engine) == before


@pytest.mark.parametrize("version", [0, 1], ids=["the first edit", "a later edit"])
def test_of_editors_who_race_one_wins(
    engine: Engine, metadata: MetadataRepository, version: int
) -> None:
    if version:
        metadata.edit(write("acme", EDIT))
    barrier = threading.Barrier(6)
    won: list[MetadataRow] = []
    lost: list[MetadataStale] = []

    def edit(timeout: float) -> None:
        barrier.wait(10)
        try:
            won.append(metadata.edit(write("acme", PolicyEdit(timeout=timeout), version)))
        except MetadataStale as stale:
            lost.append(stale)

    threads = [threading.Thread(target=edit, args=(10.0 + i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(won), len(lost)) == (1, 5)
    assert {stale.version for stale in lost} == {version + 1}
    assert metadata.rows("acme")["acme", "deductStock"] == won[0]


BY_HAND: list[tuple[str, dict[str, object], dict[str, object] | None]] = [
    (
        "the whole row counts",
        {"timeout_seconds": 99.0, "retry": None},
        {
            "compensate": "restoreStock",
            "compensate_when": "unknown",
            "timeout": 99.0,
            "on_failure": FailurePolicy(),
        },
    ),
    (
        "what it names counts",
        {"timeout_seconds": 99.0, "edited_fields": ["timeout", "kind", "nonsense"]},
        {"timeout": 99.0},
    ),
    ("no such strategy", {"failure_strategy": "HOPE"}, None),
    ("no time at all", {"timeout_seconds": -1.0}, None),
    ("no policy", {"retry": {"tries": 3}}, None),
    ("no list", {"edited_fields": {"timeout": 1}}, None),
]


@pytest.mark.parametrize(
    ("values", "expected"), [c[1:] for c in BY_HAND], ids=[c[0] for c in BY_HAND]
)
def test_rows_that_are_edited_by_hand(
    engine: Engine,
    metadata: MetadataRepository,
    values: dict[str, object],
    expected: dict[str, object] | None,
) -> None:
    metadata.scan(BOTH, NONE)
    metadata.edit(write("acme", PolicyEdit(timeout=3), policy=RESTORE))
    mine = saga_component_metadata.c.component_id == STOCK.id
    with engine.begin() as connection:
        connection.execute(
            update(saga_component_metadata).where(mine).values(source=EDITED, **values)
        )
    with capture_logs() as logs:
        found = edits(engine, metadata)
    assert found.own("acme", RESTORE.id) == PolicyEdit(timeout=3), "the others are read"
    assert found.own("0", STOCK.id).changes == (expected or {})
    assert found.merged("acme", RESTORE.id) == PolicyEdit(timeout=3)
    if expected is None:
        with pytest.raises(MetadataInvalid, match=r"row of tenant 0.*edit it again"):
            found.merged("acme", STOCK.id)
    assert [line["event"] for line in logs] == (
        [] if expected else ["component_metadata_unreadable"]
    )
    assert metadata.scan(changed(timeout=5.0), NONE) == 0
    metadata.edit(write("0", PolicyEdit()))
    assert edits(engine, metadata).merged("0", STOCK.id).changes == {}
    assert metadata.scan(changed(timeout=5.0), NONE) == 1


def test_json_that_is_none_spoils_no_scan(engine: Engine, metadata: MetadataRepository) -> None:
    metadata.scan(BOTH, NONE)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE saga_component_metadata SET retry = '{' WHERE component_id = 'deductStock'"
        )
    assert metadata.scan(BOTH, NONE) == 1
    assert RetryPolicy.model_validate(rows(engine)["0", "deductStock"]["retry"]) == STOCK.retry
