"""Scanning components into their metadata rows: idempotent, and people's rows are theirs."""

from typing import Any

from sqlalchemy import Engine, select, update

from activities.mirror.metadata import EDITED, scan
from activities.mirror.tables import saga_component_metadata
from rules.plan import ComponentPolicy, RetryPolicy

STOCK = ComponentPolicy(
    id="deductStock", compensate="restoreStock", retry=RetryPolicy(attempts=5), timeout=0.1
)
RESTORE = ComponentPolicy(id="restoreStock")


def rows(engine: Engine) -> dict[tuple[str, str], dict[str, Any]]:
    with engine.connect() as connection:
        found = connection.execute(select(saga_component_metadata)).mappings().all()
    return {(row["application_name"], row["component_id"]): dict(row) for row in found}


def test_what_is_declared_is_written(engine: Engine) -> None:
    assert scan(engine, "shop", [STOCK, RESTORE]) == 2
    row = rows(engine)["shop", "deductStock"]
    assert (row["tenant_id"], row["source"], row["failure_strategy"]) == ("0", "scan", "COMPENSATE")
    assert (row["compensate"], row["timeout_seconds"]) == ("restoreStock", 0.1)
    assert RetryPolicy.model_validate(row["retry"]) == STOCK.retry
    assert rows(engine)["shop", "restoreStock"]["retry"] is None


def test_the_same_again_touches_nothing(engine: Engine) -> None:
    scan(engine, "shop", [STOCK, RESTORE])
    before = rows(engine)
    assert scan(engine, "shop", [RESTORE, STOCK]) == 0
    assert rows(engine) == before


def test_a_change_is_written_and_applications_are_apart(engine: Engine) -> None:
    scan(engine, "shop", [STOCK])
    scan(engine, "bank", [STOCK])
    assert scan(engine, "shop", [STOCK.model_copy(update={"compensate": None})]) == 1
    assert rows(engine)["shop", "deductStock"]["compensate"] is None
    assert rows(engine)["bank", "deductStock"]["compensate"] == "restoreStock"


def test_an_edited_row_stays_as_it_is(engine: Engine) -> None:
    scan(engine, "shop", [STOCK])
    with engine.begin() as connection:
        connection.execute(
            update(saga_component_metadata).values(source=EDITED, timeout_seconds=99.0)
        )
    before = rows(engine)
    assert scan(engine, "shop", [STOCK.model_copy(update={"compensate": None})]) == 0
    assert rows(engine) == before


def test_a_component_that_is_gone_keeps_its_row(engine: Engine) -> None:
    scan(engine, "shop", [STOCK, RESTORE])
    assert scan(engine, "shop", [STOCK]) == 0
    assert len(rows(engine)) == 2
