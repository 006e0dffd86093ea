"""What editing the rules can refuse. Part of the tree in `rules.errors`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from rules.errors import Diagnostic, RuleError

NAMED: Final = 10
"""Chains that a message names; all are in the error."""


class ScriptUnknown(RuleError):
    """No such component is kept for this tenant."""

    def __init__(self, tenant: str, component: str, *, shared: bool = False) -> None:
        self.component = component
        hint = (
            "; it is shared by all tenants: make one of your own, or edit it with X-Tenant-Id: 0"
            if shared
            else ""
        )
        super().__init__(f"tenant {tenant} has no script component '{component}'{hint}")


class VersionUnknown(RuleError):
    """There is no version of that number."""

    def __init__(self, name: str, version: int) -> None:
        self.version = version
        super().__init__(f"'{name}' has no version {version}")


class NamespaceUnknown(RuleError):
    """The namespace is not served here, so nobody could say whether its chains are sound."""

    def __init__(self, namespace: str, served: Sequence[str]) -> None:
        self.namespace = namespace
        self.served = tuple(served)
        super().__init__(
            f"namespace '{namespace}' is not served here; these are: {', '.join(served)}"
        )


class RulesReadOnly(RuleError):
    """The rules are kept where they cannot be edited by this API."""

    def __init__(self, where: str) -> None:
        super().__init__(f"the rules are read from {where}; edit them there")


class AlreadyExists(RuleError):
    """There is one of that name, with another content."""

    def __init__(self, word: str, name: str, version: int) -> None:
        self.name = name
        self.version = version
        super().__init__(
            f"{word} '{name}' exists already, at version {version}; change it with PUT"
        )


class ConfigStale(RuleError):
    """Somebody has changed it since the version that the request names."""

    def __init__(
        self,
        name: str,
        given: int,
        version: int,
        *,
        change: str | None,
        by: str | None,
        at: datetime | None,
    ) -> None:
        self.name = name
        self.given = given
        self.version = version
        self.change = change
        self.by = by
        self.at = at
        who = f" by {by}" if by else ""
        when = f" at {at.isoformat(timespec='seconds')}" if at else ""
        what = f" ({change}{who}{when})" if change else ""
        super().__init__(
            f"'{name}' is at version {version}{what}, not {given}; read it again, and repeat "
            "the change with that version"
        )


class VersionMissing(RuleError):
    """A change of something that others may have changed must name the version it is made from."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"say which version of '{name}' you have read: `version` in the request, or its ETag "
            "in If-Match"
        )


class WouldBreak(RuleError):
    """Chains that compile now would not compile any more; `broken` has why, by chain."""

    def __init__(self, name: str, broken: Mapping[str, tuple[Diagnostic, ...]]) -> None:
        self.name = name
        self.broken = dict(broken)
        names = sorted(broken)
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        super().__init__(
            f"this change of '{name}' would break {', '.join(names[:NAMED])}{more}; mend these "
            "first, or repeat it with `force`: they then go on as they were last compiled"
        )


class ConfigInvalid(RuleError):
    """A name or a field is not what it can be."""

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}")


class KeyReused(RuleError):
    """The Idempotency-Key belongs to another request."""

    def __init__(self, key: str, name: str, version: int) -> None:
        self.key = key
        super().__init__(
            f"Idempotency-Key '{key}' was used for another request, which made version {version} "
            f"of '{name}'; use a new one"
        )
