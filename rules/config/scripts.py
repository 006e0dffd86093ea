"""What speaks against a change of a script component: its own text, and chains that it would break.

For the writing of components. What a script's own language says of it is asked of `check`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from rules.config.breaking import Broken, would_break_by_script
from rules.config.changes import Standing, Step
from rules.config.errors import ConfigInvalid, WouldBreak
from rules.config.kinds import Content, Key
from rules.config.live import LiveRules
from rules.config.writing import Verdict
from rules.errors import ChainInvalid, Diagnostic
from rules.jobs import RESERVED
from rules.source.scripts import ScriptRow

TYPES: Final = ("script", "boolean_script", "switch_script", "for_script", "iterator_script")
LANGUAGE_LENGTH: Final = 50
UNJUDGED: Final = ("UNPUBLISH", "DISABLE", "DELETE", "DISCARD")
"""Changes of which no text is looked at."""

ScriptCheck = Callable[[Key, Content], tuple[Diagnostic, ...]]
"""Errors and warnings of a script, as far as this deployment can tell."""
ScriptPrepare = Callable[[Key, Content], None]
"""Finds out what the check can say only then; may take seconds, so no transaction is open."""


def unchecked(_key: Key, _content: Content) -> tuple[Diagnostic, ...]:
    """Nothing is known of scripts."""
    return ()


def unprepared(_key: Key, _content: Content) -> None:
    """Nothing is to be found out."""


@dataclass(frozen=True, slots=True)
class ScriptJudge:
    """A judge of one request; `registered` are the components that code defines.

    `force` lets it break chains.
    """

    rules: LiveRules
    registered: Collection[str]
    check: ScriptCheck = unchecked
    force: bool = False

    def __call__(
        self, _connection: Connection, key: Key, standing: Standing, step: Step
    ) -> Verdict:
        """Raises ConfigInvalid, ChainInvalid with what the check has found, WouldBreak."""
        found: tuple[Diagnostic, ...] = ()
        if step.change not in UNJUDGED:
            found = self._checked(key, step.content)
        broken: Broken = {}
        if not step.same:
            row = None if step.row is None else _row(key, standing.version + 1, step.row)
            broken = would_break_by_script(self.rules, key, row)
        if broken and not self.force:
            raise WouldBreak(key.name, broken)
        return Verdict(found, broken)

    def _checked(self, key: Key, content: Content) -> tuple[Diagnostic, ...]:
        if key.name.startswith(RESERVED):
            raise ConfigInvalid("name", f"names that begin with '{RESERVED}' are reserved")
        if key.name in self.registered:
            raise ConfigInvalid("name", f"'{key.name}' is a component that code defines")
        if content["component_type"] not in TYPES:
            raise ConfigInvalid(
                "type", f"'{content['component_type']}' is none of {', '.join(TYPES)}"
            )
        language = str(content["language"])
        if not language.strip() or len(language) > LANGUAGE_LENGTH:
            raise ConfigInvalid("language", "name a language, in at most 50 characters")
        found = self.check(key, content)
        if any(one.severity == "error" for one in found):
            raise ChainInvalid(key.name, found)
        return found


def _row(key: Key, version: int, content: Content) -> ScriptRow:
    return ScriptRow(
        tenant=key.tenant,
        id=key.name,
        text=str(content["component_code"]),
        type=str(content["component_type"]),
        language=str(content["language"]),
        status=str(content["status"]),
        enabled=bool(content["script_enable"]),
        version=version,
    )
