"""What can be wrong with a chain: spans, diagnostics and the one exceptions tree of `rules`.

For everything that compiles or serves chains. Knows text positions, never HTTP or Temporal.

    RuleError
      ChainInvalid        a chain does not compile; carries its diagnostics
      ChainUnknown        no such chain for this tenant
      ChainDisabled       the chain exists and is switched off or not published
      RoutesUnknown       no chain of this namespace has a route
      RulesUnavailable    the rules were never read (database down since start)
      OverrideInvalid     a request changes a policy that it cannot change
      MetadataInvalid     an edit of a component's policy does not fit the components
      MetadataStale       somebody else has edited the policy meanwhile
      TooLarge            a start exceeds a size limit (`rules.sizes`)
      NotComputableError  arithmetic of literals without a value (`rules.checks.literals`)
      RowStale            somebody else has changed a row meanwhile (`rules.source.storing`)
      RuleFileInvalid     rule files cannot be read as they are (`rules.files.problems`)
      NotWritable         a definition cannot be expressed in a format (`rules.files.problems`)
      NameInvalid         a table or field cannot have that name (`rules.source.naming`)
      UnsupportedDatabase the database is none that we know (`rules.source.upsert`)
      ScriptUnknown       no such script component for this tenant (`rules.config.errors`, as below)
      VersionUnknown      there is no version of that number
      NamespaceUnknown    the namespace is not served here
      RulesReadOnly       the rules are kept where they cannot be edited
      AlreadyExists       one of that name exists, with another content
      ConfigStale         somebody else has changed it meanwhile
      VersionMissing      a change does not say from which version it is made
      WouldBreak          other chains would not compile any more
      ConfigInvalid       a name or a field is not what it can be
      KeyReused           an Idempotency-Key belongs to another request
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a chain's text: offsets in characters, `end` exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a chain's text.

    `category` is one of the categories of the EL reference (section 9.1 and 13), or a code of the
    lint (`rules.lint.table`). `line` and `column` count from 1. `drawing` is the source line with a
    caret line below it.
    """

    category: str
    message: str
    chain: str
    span: Span
    line: int
    column: int
    drawing: str
    hint: str | None = None
    severity: Severity = "error"

    def __str__(self) -> str:
        where = f"{self.chain}:{self.line}:{self.column}"
        mend = f"\n  {self.hint}" if self.hint else ""
        return f"{where}: {self.severity}: {self.message} [{self.category}]\n{self.drawing}{mend}"


class RuleError(Exception):
    """Something about the rules is wrong."""


class ChainInvalid(RuleError):
    """A chain does not compile."""

    def __init__(self, chain: str, diagnostics: Sequence[Diagnostic]) -> None:
        self.chain = chain
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(str(d) for d in self.diagnostics))


class ChainUnknown(RuleError):
    """No chain of that name serves this tenant."""

    def __init__(self, tenant: str, chain: str, near: str | None = None) -> None:
        self.tenant = tenant
        self.chain = chain
        self.near = near
        hint = f"; did you mean '{near}'?" if near else ""
        super().__init__(f"tenant {tenant} has no chain '{chain}'{hint}")


class ChainDisabled(RuleError):
    """The chain exists, but is disabled or not published."""

    def __init__(self, tenant: str, chain: str) -> None:
        self.tenant = tenant
        self.chain = chain
        super().__init__(f"chain '{chain}' of tenant {tenant} is disabled or not published")


class RoutesUnknown(RuleError):
    """No serving chain of this namespace has a route, or the namespace is not served."""

    def __init__(self, tenant: str, namespace: str, served: Sequence[str]) -> None:
        self.namespace = namespace
        self.served = tuple(served)
        super().__init__(
            f"tenant {tenant} has no chain with a route in namespace '{namespace}'; "
            f"namespaces that are served here: {', '.join(served)}"
        )


class OverrideInvalid(RuleError):
    """A request changes a policy that it cannot change."""

    def __init__(self, component: str, problem: str) -> None:
        self.component = component
        super().__init__(f"override of '{component}': {problem}")


class MetadataInvalid(RuleError):
    """An edit of a component's policy does not fit the components that are registered."""

    def __init__(self, component: str, field: str, problem: str) -> None:
        self.component = component
        self.field = field
        self.problem = problem
        super().__init__(f"metadata of '{component}', field '{field}': {problem}")


class MetadataStale(RuleError):
    """Somebody else has edited the policy meanwhile; `version` is that of now."""

    def __init__(self, component: str, given: int, version: int, edited_by: str | None) -> None:
        self.component = component
        self.version = version
        self.edited_by = edited_by
        who = f", by {edited_by}" if edited_by else ""
        super().__init__(
            f"the metadata of '{component}' is at version {version}{who}, not {given}; "
            "read it again, and repeat the change with that version"
        )


class TooLarge(RuleError):
    """A start exceeds a size limit."""

    def __init__(self, what: str, size: int, limit: int, mend: str) -> None:
        super().__init__(f"{what} has {size} bytes, and {limit} are allowed; {mend}")


class RulesUnavailable(RuleError):
    """The rules could not be read since this process started."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the rules could not be read yet: {reason}")
