"""The rows of script components: what is kept of them.

For the rule source and whoever writes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic_core import to_json
from sqlalchemy import RowMapping

from rules.scripts import ScriptText
from rules.source.repository import PUBLISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptRow:
    """A script component as the table keeps it; `version` is the table's to count.

    `type` is LiteFlow's: `script`, `boolean_script`, `switch_script`, `for_script`, and
    `iterator_script`, which is ours. The tenant "0" shares its scripts with all.
    """

    tenant: str
    id: str
    text: str
    name: str | None = None
    type: str = "script"
    language: str = "java"
    status: str = PUBLISHED
    enabled: bool = True
    version: int = 1

    @property
    def serving(self) -> bool:
        """Whether chains may use it."""
        return self.status == PUBLISHED and self.enabled

    @property
    def content(self) -> dict[str, object]:
        """What an author can change, by column."""
        return {
            "component_name": self.name,
            "component_code": self.text,
            "component_type": self.type,
            "language": self.language,
            "status": self.status,
            "script_enable": self.enabled,
        }

    @property
    def sha(self) -> str:
        """SHA-256 in hex of id, version and content."""
        return sha256(to_json((self.tenant, self.id, self.version, self.content))).hexdigest()

    @property
    def script(self) -> ScriptText:
        """What chains have to know of it."""
        return ScriptText(self.id, self.text, self.type, self.language, self.name, self.version)


def script_of(row: RowMapping | Mapping[str, Any]) -> ScriptRow:
    """The row as it is, also one of others' making."""
    return ScriptRow(
        tenant=str(row["tenant"]),
        id=row["id"],
        text=row["text"] or "",
        name=row["name"],
        type=row["type"] or "script",
        language=row["language"] or "java",
        status=row["status"],
        enabled=bool(row["enabled"]),
        version=row["version"],
    )
