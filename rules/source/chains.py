"""One tenant's chains in one namespace at one moment: immutable, and sealed from other tenants.

For the snapshot. A chain, or its route, is compiled when it is first asked for. Of a chain that is
held back, an earlier text serves. Knows no database.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, TypeVar

from rules.compiler import ChainText, Compiled
from rules.el.findings import Findings
from rules.errors import ChainDisabled, ChainInvalid, ChainUnknown, Diagnostic
from rules.jobs import RESERVED
from rules.plan import Plan
from rules.scripts import ScriptText
from rules.source.deployment import Deployment
from rules.source.plans import Plans, Scope, Texts
from rules.source.repository import ChainRow

Rows = Mapping[str, ChainRow]
T = TypeVar("T")

NOTHING: Final[Texts] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StandIn:
    """A version that serves in place of the present one; without a version, its absence does."""

    type: Literal["chain", "component"]
    name: str
    version: int | None


Used: TypeAlias = Mapping[tuple[Literal["chain", "component"], str], ChainText | ScriptText | None]
"""What chains and scripts were, by kind and name; None for what was not there."""


@dataclass(frozen=True, slots=True)
class Held:
    """A chain that does not compile as it now is; `row` is an earlier one, which serves.

    Where not even that compiles any more, because of chains and scripts that it names, `kept` is
    what it was compiled to, `route` its route, `used` what of these it named, and `others` are
    those that are not so any more. With neither, nothing serves. `serves` is the same for all that
    serve the same.
    """

    version: int
    diagnostics: tuple[Diagnostic, ...]
    row: ChainRow | None = None
    kept: Compiled | None = None
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    route: Plan | None = None
    used: Used = field(default_factory=dict)
    others: tuple[StandIn, ...] = ()
    serves: str = ""

    @property
    def serving_version(self) -> int | None:
        """The version that serves, if any."""
        if self.kept is not None:
            return self.kept.plan.version
        return self.row.version if self.row is not None else None

    def stand_ins(self, chain: str) -> tuple[StandIn, ...]:
        """What serves in place of present versions: of the chain itself, and of what it names."""
        serving = self.serving_version
        if serving is None or serving == self.version:
            return self.others
        return (StandIn("chain", chain, serving), *self.others)


NONE_HELD: Final[Mapping[str, Held]] = MappingProxyType({})


class TenantChains:
    """Immutable as seen from outside; what it compiles is remembered.

    Chains of `beneath` are no chains of this tenant here, but may be included and extended; of two
    with one name its own counts, also one that does not serve. `settled` says whether every chain
    was tried, so that `held` has all that do not compile.
    """

    __slots__ = (
        "_invalid",
        "_lock",
        "_routes",
        "beneath",
        "deployment",
        "held",
        "plans",
        "rows",
        "scope",
        "settled",
        "texts",
    )

    def __init__(
        self,
        scope: Scope,
        rows: Rows,
        beneath: Texts,
        deployment: Deployment,
        plans: Plans,
    ) -> None:
        self.scope = scope
        self.rows = rows
        self.beneath = beneath
        self.deployment = deployment
        self.plans = plans
        self.held = NONE_HELD
        self.settled = False
        self.texts: Texts = {
            name: text
            for name in (*beneath, *(name for name in rows if name not in beneath))
            if (text := self._text(name)) is not None
        }
        self._begin()

    def _begin(self) -> None:
        self._routes: dict[str, Plan | ChainInvalid] = {}
        self._invalid: dict[str, ChainInvalid] = {}
        self._lock = threading.Lock()

    def changed(
        self,
        changes: Mapping[str, ChainRow | None] = MappingProxyType({}),
        beneath: Texts | None = None,
        below: Iterable[str] = (),
        deployment: Deployment | None = None,
    ) -> "TenantChains":
        """The same with other rows (None: gone) and, of the texts beneath, those of `below`;
        perhaps for another deployment.

        Nothing of a changed chain is held back in it, and everything is to be settled.
        """
        new = self._copy()
        new.deployment = deployment or self.deployment
        new.rows = _replaced(self.rows, changes)
        new.beneath = self.beneath if beneath is None else beneath
        new.held = {name: held for name, held in self.held.items() if name not in changes}
        new._refill((*changes, *below))
        return new

    def apart(self) -> "TenantChains":
        """The same, to try something: what is compiled is not kept for others."""
        new = self._copy()
        new.plans = Plans()
        return new

    def holding(self, held: Mapping[str, Held], *, settled: bool) -> "TenantChains":
        """The same with these chains held back, and no others."""
        new = self._copy()
        new.held = held
        new.settled = settled
        new._refill({*self.held, *held})
        return new

    def _copy(self) -> "TenantChains":
        new = object.__new__(TenantChains)
        for name in ("scope", "rows", "beneath", "deployment", "plans", "held", "settled", "texts"):
            setattr(new, name, getattr(self, name))
        new._begin()
        return new

    def _refill(self, names: Iterable[str]) -> None:
        before = self.texts
        texts = {name: self._text(name) for name in names}
        self.texts = _replaced(before, texts)

    def carry_routes(self, before: "TenantChains") -> None:
        """Take over the routes of chains whose texts and components are the same."""
        if self.deployment != before.deployment:
            return
        for name, route in before._routes.copy().items():
            same = name in self.texts and self.texts[name] == before.texts.get(name)
            if same and isinstance(route, Plan):
                self._routes[name] = route

    def _text(self, name: str) -> ChainText | None:
        if name not in self.rows:
            return self.beneath.get(name)
        row = self.effective(name)
        return text_of(row) if row.serving else None

    def effective(self, chain: str) -> ChainRow:
        """The row that counts: of a chain that is held back, the earlier one. KeyError without."""
        row = self.rows[chain]
        held = self.held.get(chain)
        return held.row if held is not None and held.row is not None and row.serving else row

    def serving(self, chain: str) -> ChainRow:
        """The row that serves. Raises ChainUnknown or ChainDisabled."""
        row = self.rows.get(chain)
        if row is None:
            near = get_close_matches(chain, self.texts, n=1)
            raise ChainUnknown(self.scope[1], chain, near[0] if near else None)
        if not row.serving:
            raise ChainDisabled(self.scope[1], chain)
        return self.effective(chain)

    def compiled(self, chain: str) -> Compiled:
        """A serving chain, compiled. Raises ChainUnknown, ChainDisabled or ChainInvalid."""
        row = self.serving(chain)
        if chain.startswith(RESERVED):
            raise reserved(chain, row.text)
        if (held := self.held.get(chain)) is not None:
            if held.kept is not None:
                return held.kept
            if held.row is None:
                raise ChainInvalid(chain, held.diagnostics)
        if (ready := self._ready(chain)) is not None:
            return ready
        with self._lock:
            if (ready := self._ready(chain)) is not None:
                return ready
            if chain not in self._invalid:
                try:
                    compiled = self.deployment.compile(chain, self.texts)
                except ChainInvalid as error:
                    self._invalid[chain] = error
                else:
                    self.plans.keep(self.scope, compiled, self.texts, self.deployment)
                    return compiled
            # A fresh one each time: an exception that several threads raise collects traces.
            raise ChainInvalid(chain, self._invalid[chain].diagnostics)

    def _ready(self, chain: str) -> Compiled | None:
        return self.plans.get(self.scope, chain, self.texts, self.deployment)

    def routes(self) -> Mapping[str, Plan | ChainInvalid]:
        """The routes of serving chains by chain, in the order of their names."""
        with self._lock:
            for name in sorted(self.rows):
                if name in self.texts and self.texts[name].routed and name not in self._routes:
                    self._routes[name] = self._route(name)
            return {name: self._routes[name] for name in sorted(self._routes)}

    def differing(self, used: Used) -> tuple[StandIn, ...]:
        """What of it is not so any more here."""
        scripts = self.deployment.scripts
        return tuple(
            StandIn(kind, name, was.version if was is not None else None)
            for (kind, name), was in sorted(used.items(), key=lambda one: one[0])
            if was != (self.texts if kind == "chain" else scripts).get(name)
        )

    def route(self, chain: str) -> Plan | None:
        """The route of one of the serving chains, if it has one that compiles."""
        if chain not in self.texts or not self.texts[chain].routed:
            return None
        with self._lock:
            found = self._routes.get(chain) or self._routes.setdefault(chain, self._route(chain))
        return found if isinstance(found, Plan) else None

    def _route(self, chain: str) -> Plan | ChainInvalid:
        held = self.held.get(chain)
        if held is not None and held.route is not None:
            return held.route
        try:
            return self.deployment.route(chain, self.texts)
        except ChainInvalid as error:
            return error


def text_of(row: ChainRow) -> ChainText:
    """What the compiler wants of a row."""
    return ChainText(row.name, row.text, row.version, row.extends, row.route)


def _replaced(before: Mapping[str, T], changes: Mapping[str, T | None]) -> Mapping[str, T]:
    if not changes:
        return before
    after = dict(before)
    for name, value in changes.items():
        if value is None:
            after.pop(name, None)
        else:
            after[name] = value
    return after


def reserved(chain: str, text: str) -> ChainInvalid:
    """A chain is a workflow type, and would be taken for one of the product's own."""
    findings = Findings(chain, text)
    words = f"names of chains that begin with '{RESERVED}' are reserved"
    findings.error("reserved_name", words, 0, 1, hint="give the chain another name")
    return ChainInvalid(chain, findings.diagnostics())
