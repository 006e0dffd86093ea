"""Which chains a change of a chain, or of a script component, would break.

For those who judge changes, and the preview. Asks the rules that are served; writes nothing. Only
chains that lead to what changes are compiled, and no more are named than people can look at.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from rules.config.kinds import Key
from rules.config.live import LiveRules
from rules.errors import Diagnostic
from rules.plan import ComponentPolicy
from rules.source.chains import TenantChains
from rules.source.plans import Texts
from rules.source.quarantine import problems, suspects_of
from rules.source.repository import ChainRow
from rules.source.scripts import ScriptRow
from rules.source.snapshot import Snapshot

Broken = Mapping[str, tuple[Diagnostic, ...]]

MOST_BROKEN: Final = 100
"""So many chains are named."""
MOST_TRIED: Final = 1_000
"""So many are compiled where only the size of a plan could still break one."""
AT_ONCE: Final = 50


def beneath(rules: LiveRules, key: Key) -> Texts:
    """The first namespace's chains; a tenant may have none in its own yet."""
    return rules.snapshot_of(rules.namespaces[0]).texts(key.tenant)


def would_break(rules: LiveRules, key: Key, row: ChainRow | None) -> Broken:
    """The tenant's chains that compile now, and would not with this row (None: without it)."""
    found = _Found(key.tenant)
    for before, after in _with_chain(rules, key, row):
        if before.texts.get(key.name) != after.texts.get(key.name):
            found.look(before, after, suspects_of(after, {key.name}) - {key.name})
    return found.broken


def would_break_by_script(rules: LiveRules, key: Key, row: ScriptRow | None) -> Broken:
    """The chains that compile now, and would not with this script (None: without it).

    Those of all tenants that use it, if it is shared: another tenant's chain is named behind the
    tenant, and its text is not shown.
    """
    changes = {key.tenant: {key.name: row}}
    deployments = rules.snapshot_of(rules.namespaces[0]).deployments.changed(changes)
    standing_in = any(policy.fallback for policy in deployments.registered.values())
    found = _Found(key.tenant)
    for namespace in rules.namespaces:
        for before, after, scripts in rules.snapshot_of(namespace).rescripted(deployments):
            known, then = before.deployment.components, after.deployment.components
            used = {id for id in scripts if standing_in or _usable(before, id)}
            alike = {id for id in used if _alike(known.get(id), then.get(id))}
            found.look(before, after, suspects_of(after, used - alike))
            found.look(before, after, suspects_of(after, alike), most=MOST_TRIED)
    return found.broken


class _Found:
    """What was found broken so far, for somebody of one tenant."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        self._tried = 0
        self.broken: dict[str, tuple[Diagnostic, ...]] = {}

    def look(
        self,
        before: TenantChains,
        after: TenantChains,
        suspects: Iterable[str],
        *,
        most: int | None = None,
    ) -> None:
        """Try the suspects, unless enough is known already, or `most` were tried in all."""
        names = sorted(name for name in suspects if name in after.rows)
        for start in range(0, len(names), AT_ONCE):
            if len(self.broken) >= MOST_BROKEN or (most is not None and self._tried >= most):
                return
            some = names[start : start + AT_ONCE]
            self._tried += len(some)
            why = problems(after, some)
            already = problems(before, why)
            for name in [name for name in some if name in why and name not in already]:
                if len(self.broken) < MOST_BROKEN:
                    self._add(after.scope, name, why[name])

    def _add(self, scope: tuple[str, str], name: str, why: tuple[Diagnostic, ...]) -> None:
        namespace, tenant = scope
        called = name
        if tenant != self._tenant:
            called = f"{tenant}/{name}"
            why = tuple(replace(one, drawing="") for one in why)
        if called in self.broken:
            called = f"{called}@{namespace}"
        self.broken[called] = why


def _with_chain(
    rules: LiveRules, key: Key, row: ChainRow | None
) -> Iterator[tuple[TenantChains, TenantChains]]:
    """The tenant's chains as they are and with the row, in all namespaces that see it."""
    name, tenant = key.name, key.tenant
    before = _apart(rules.snapshot_of(key.namespace), tenant)
    if before is None:
        return
    after = before.changed({name: row})
    yield before, after
    if key.namespace != rules.namespaces[0]:
        return
    # The first namespace lies beneath the others.
    for namespace in rules.namespaces[1:]:
        above = _apart(rules.snapshot_of(namespace), tenant)
        if above is not None and name not in above.rows:
            yield above, above.changed(beneath=after.texts, below=(name,))


def _apart(snapshot: Snapshot, tenant: str) -> TenantChains | None:
    chains = snapshot.tenant(tenant)
    return None if chains is None else chains.apart()


def _usable(chains: TenantChains, id: str) -> bool:
    """Whether a chain that names it may compile: there is such a component, or a chain."""
    policy = chains.deployment.components.get(id)
    return id in chains.texts or (policy is not None and policy.problem is None)


def _alike(before: ComponentPolicy | None, after: ComponentPolicy | None) -> bool:
    """Whether chains can name one where they could name the other: only the text differs."""
    if before is None or after is None or (after.problem and not before.problem):
        return False
    text: dict[str, object] = {"name": None, "script": None, "needs": after.needs}
    return before.model_copy(update=text) == after.model_copy(update=text)
