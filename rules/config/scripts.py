"""What speaks against a change of a script component.

For the writing of components. What a script's own language says of it is asked of `check`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from rules.config.changes import Standing, Step
from rules.config.errors import ConfigInvalid
from rules.config.kinds import Content, Key
from rules.config.writing import Verdict
from rules.errors import ChainInvalid, Diagnostic
from rules.jobs import RESERVED

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
    """A judge of scripts; `registered` are the components that code defines."""

    registered: Collection[str]
    check: ScriptCheck = unchecked

    def __call__(
        self, _connection: Connection, key: Key, _standing: Standing, step: Step
    ) -> Verdict:
        """Raises ConfigInvalid, and ChainInvalid with what the check has found."""
        if step.change in UNJUDGED:
            return Verdict()
        if key.name.startswith(RESERVED):
            raise ConfigInvalid("name", f"names that begin with '{RESERVED}' are reserved")
        if key.name in self.registered:
            raise ConfigInvalid("name", f"'{key.name}' is a component that code defines")
        content = step.content
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
        return Verdict(found)
