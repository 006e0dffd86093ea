"""Column types that mean the same on SQLite, MySQL 8 and MariaDB 10.6+.

For every tables module (rules and mirror). Knows dialects, never a table.
"""

from datetime import UTC, datetime
from typing import Final

from pydantic_core import from_json, to_json
from sqlalchemy import DateTime, Dialect, String, Text
from sqlalchemy.dialects.mysql import DATETIME, LONGTEXT, VARCHAR
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""The naming convention of both MetaData objects; migrations spell the same names."""


def key_text(length: int) -> TypeEngine[str]:
    """A name or id, compared byte by byte.

    MySQL's default collation would take `Pay` and `pay` for one key; ours are told apart.
    """
    binary = VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return String(length).with_variant(binary, "mysql", "mariadb")


def long_text() -> TypeEngine[str]:
    """Text without a practical bound (MySQL's TEXT ends at 64 KB)."""
    return Text().with_variant(LONGTEXT(), "mysql", "mariadb")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant to the microsecond: stored as naive UTC, always returned aware."""

    impl = DateTime
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class JsonText(TypeDecorator[object]):
    """JSON kept as text. None is SQL NULL; pydantic models are written as their JSON."""

    impl = Text
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        return dialect.type_descriptor(
            LONGTEXT() if dialect.name in ("mysql", "mariadb") else Text()
        )

    @override
    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        return None if value is None else to_json(value).decode()

    @override
    def process_result_value(self, value: str | None, dialect: Dialect) -> object:
        return None if value is None else from_json(value)


class _Stamp(FunctionElement[datetime]):
    """The database's clock as a column default; for rows that people write by hand."""

    inherit_cache = True


class Seconds(FunctionElement[float]):
    """A time as a number, to be added up; which number, each database says."""

    inherit_cache = True


@compiles(Seconds)
def _seconds(element: Seconds, compiler: SQLCompiler, **given: object) -> str:
    return f"julianday({compiler.process(element.clauses, **given)})"


@compiles(Seconds, "mysql", "mariadb")
def _seconds_mysql(element: Seconds, compiler: SQLCompiler, **given: object) -> str:
    return f"UNIX_TIMESTAMP({compiler.process(element.clauses, **given)})"


class CreateStamp(_Stamp):
    """The time of the INSERT."""


class UpdateStamp(_Stamp):
    """The time of the last write, where the database can keep it (MySQL, MariaDB)."""


@compiles(_Stamp)
def _stamp(_element: _Stamp, _compiler: SQLCompiler, **_: object) -> str:
    return "CURRENT_TIMESTAMP"


@compiles(_Stamp, "mysql", "mariadb")
def _stamp_mysql(element: _Stamp, _compiler: SQLCompiler, **_: object) -> str:
    now = "CURRENT_TIMESTAMP(6)"
    return f"{now} ON UPDATE {now}" if isinstance(element, UpdateStamp) else now
