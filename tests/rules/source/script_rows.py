"""Rows of `rule_component` as people write them: by SQL."""

from datetime import UTC, datetime

from sqlalchemy import Engine, delete, insert, select, update

from rules.source.tables import rule_component as table

APPLICATION = "dms-liteflow"


def put_script(
    engine: Engine,
    tenant: str,
    id: str,
    text: str,
    *,
    application: str = APPLICATION,
    language: str = "python",
    type: str = "script",
    status: str = "PUBLISHED",
    enabled: bool = True,
) -> None:
    """Insert a row, or change it."""
    values = {
        "component_code": text,
        "component_type": type,
        "language": language,
        "status": status,
        "script_enable": enabled,
        "update_time": datetime.now(UTC),
    }
    key = {"application_name": application, "tenant_id": tenant, "component_id": id}
    mine = [table.c[name] == value for name, value in key.items()]
    with engine.begin() as connection:
        if connection.execute(select(table.c.id).where(*mine)).first():
            connection.execute(update(table).where(*mine).values(**values))
        else:
            connection.execute(insert(table).values(**key, **values))


def drop_script(engine: Engine, tenant: str, id: str) -> None:
    """Delete a row."""
    mine = (table.c.tenant_id == tenant) & (table.c.component_id == id)
    with engine.begin() as connection:
        connection.execute(delete(table).where(mine))
