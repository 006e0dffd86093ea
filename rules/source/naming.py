"""What the tables of the rules and their fields are called, where a deployment has its own names.

For the settings and the tables. Pure; must not know SQLAlchemy, so that settings are quick to load.
"""

import re
from dataclasses import dataclass, fields
from typing import Final

from rules.errors import RuleError

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_BOUND: Final = re.compile(r"(?<![:\w\\]):(\w+)")
_MYBATIS: Final = re.compile(r"#\{(\w+)\}")
_MAY_BIND: Final = {"applicationName", "tenantId"}


class NameInvalid(RuleError):
    """A table, a field or the SQL for chains is not what the settings may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleNames:
    """The names, with those of the migrations as defaults.

    `custom_chain_sql` selects the chains that serve, instead of the table; it may bind
    `:applicationName`, and with `:tenantId` it is asked once for each tenant. Raises NameInvalid.
    """

    chain_table: str = "flow_chain"
    chain_application_name_field: str = "application_name"
    chain_name_field: str = "chain_name"
    chain_desc_field: str = "chain_desc"
    el_data_field: str = "chain_code"
    chain_enable_field: str = "chain_enable"
    namespace_field: str = "namespace"
    script_table: str = "rule_component"
    script_application_name_field: str = "application_name"
    script_id_field: str = "component_id"
    script_name_field: str = "component_name"
    script_data_field: str = "component_code"
    script_type_field: str = "component_type"
    script_language_field: str = "language"
    script_enable_field: str = "script_enable"
    custom_chain_sql: str | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            if one.name != "custom_chain_sql":
                check_identifier(one.name, getattr(self, one.name))
        if self.custom_chain_sql is not None:
            check_chain_sql(self.custom_chain_sql)

    @property
    def usual(self) -> bool:
        """Whether the tables are those that the migrations make and watch."""
        return self == RuleNames()

    @property
    def by_tenant(self) -> bool:
        """Whether the chains are selected for one tenant at a time."""
        return self.custom_chain_sql is not None and "tenantId" in bound(self.custom_chain_sql)

    @property
    def chain_fields(self) -> dict[str, str]:
        """The fields of chains that can be named, by the names of the migrations."""
        return {
            "application_name": self.chain_application_name_field,
            "chain_name": self.chain_name_field,
            "chain_desc": self.chain_desc_field,
            "chain_code": self.el_data_field,
            "chain_enable": self.chain_enable_field,
            "namespace": self.namespace_field,
        }

    @property
    def script_fields(self) -> dict[str, str]:
        """The fields of scripts that can be named, by the names of the migrations."""
        return {
            "application_name": self.script_application_name_field,
            "component_id": self.script_id_field,
            "component_name": self.script_name_field,
            "component_code": self.script_data_field,
            "component_type": self.script_type_field,
            "language": self.script_language_field,
            "script_enable": self.script_enable_field,
        }


def statement(sql: str) -> str:
    """The statement without a last semicolon; `#{name}`, as the platform writes it, is `:name`."""
    return _MYBATIS.sub(r":\1", sql.strip().rstrip(";"))


def bound(sql: str) -> frozenset[str]:
    """What a statement binds by name."""
    return frozenset(_BOUND.findall(statement(sql)))


def check_identifier(what: str, name: str) -> None:
    """Whether a name can be that of a table or a field. Raises NameInvalid."""
    if not _IDENTIFIER.fullmatch(name):
        raise NameInvalid(f"{what}: '{name}' is no name of letters, digits and underscores")


def check_chain_sql(sql: str) -> None:
    """Whether the SQL for chains can be what it is for. Raises NameInvalid."""
    asked = statement(sql)
    if not asked.lower().startswith(("select", "with")) or ";" in asked:
        raise NameInvalid("custom_chain_sql: it must be one SELECT")
    if strangers := bound(sql) - _MAY_BIND:
        raise NameInvalid(
            f"custom_chain_sql: it may bind :applicationName and :tenantId, not :{min(strangers)}"
        )
