"""What speaks against a change of a chain: its own text, and the chains that it would break.

For the writing of chains. Judges by the rules that are served, which the writer has just read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from rules.config.changes import Standing, Step
from rules.config.errors import WouldBreak
from rules.config.kinds import Content, Key
from rules.config.live import LiveRules
from rules.config.rows import Rows
from rules.config.writing import Verdict
from rules.errors import ChainInvalid, Diagnostic
from rules.source.chains import NOTHING, TenantChains, text_of
from rules.source.plans import Texts
from rules.source.quarantine import problems, suspects_of
from rules.source.repository import ChainRow
from rules.source.snapshot import Snapshot
from rules.source.versions import chain_row

Broken = Mapping[str, tuple[Diagnostic, ...]]


@dataclass(frozen=True, slots=True)
class ChainJudge:
    """A judge of one request; `force` lets it break other chains."""

    rules: LiveRules
    rows: Rows
    force: bool = False

    def __call__(self, connection: Connection, key: Key, standing: Standing, step: Step) -> Verdict:
        """Raises ChainInvalid with all that was found, WouldBreak, MetadataInvalid."""
        row = _row(key, standing.version + 1, step.content)
        found: tuple[Diagnostic, ...] = ()
        if step.change not in ("UNPUBLISH", "DISABLE", "DELETE", "DISCARD"):
            drafts = self._drafts(connection, key) if _is_draft(standing, step) else {}
            found = checked(self.rules, key, row, drafts)
            if any(one.severity == "error" for one in found):
                raise ChainInvalid(key.name, found)
        broken: Broken = {}
        if not step.same:
            broken = would_break(self.rules, key, None if step.row is None else row)
        if broken and not self.force:
            raise WouldBreak(key.name, broken)
        return Verdict(found, broken)

    def _drafts(self, connection: Connection, key: Key) -> Texts:
        """Chains that were never published: drafts may be written before what they include."""
        unpublished = self.rows.unpublished(connection, key)
        rows = (_row(one.key, one.version, one.content) for one in unpublished)
        return {row.name: text_of(row) for row in rows}


def checked(
    rules: LiveRules, key: Key, row: ChainRow, drafts: Texts = NOTHING
) -> tuple[Diagnostic, ...]:
    """What the compiler and the lint say of a chain; `drafts` stand for those that do not serve.

    Raises MetadataInvalid.
    """
    others = {**drafts, **beneath(rules, key)}
    return rules.snapshot_of(key.namespace).checked(key.tenant, text_of(row), others=others)


def beneath(rules: LiveRules, key: Key) -> Texts:
    """The first namespace's chains; a tenant may have none in its own yet."""
    return rules.snapshot_of(rules.namespaces[0]).texts(key.tenant)


def would_break(rules: LiveRules, key: Key, row: ChainRow | None) -> Broken:
    """The tenant's chains that compile now, and would not with this row (None: without it)."""
    name, tenant = key.name, key.tenant
    here = rules.snapshot_of(key.namespace).tenant(tenant)
    if here is None:
        return {}
    before = here.apart()
    after = before.changed({name: row})
    found = _newly(before, after, name)
    if key.namespace != rules.namespaces[0]:
        return found
    # The first namespace lies beneath the others.
    for namespace in rules.namespaces[1:]:
        above = _above(rules.snapshot_of(namespace), tenant)
        if above is not None and name not in above.rows:
            with_it = above.changed(beneath=after.texts, below=(name,))
            found |= _newly(above, with_it, name)
    return found


def _above(snapshot: Snapshot, tenant: str) -> TenantChains | None:
    chains = snapshot.tenant(tenant)
    return None if chains is None else chains.apart()


def _newly(
    before: TenantChains, after: TenantChains, name: str
) -> dict[str, tuple[Diagnostic, ...]]:
    if before.texts.get(name) == after.texts.get(name):
        return {}
    suspects: Iterable[str] = suspects_of(after, {name}) - {name}
    broken = problems(after, suspects)
    already = problems(before, broken)
    return {one: why for one, why in broken.items() if one not in already}


def _is_draft(standing: Standing, step: Step) -> bool:
    """Whether the change puts nothing live."""
    return step.same or not step.live(standing.kind)


def _row(key: Key, version: int, content: Content) -> ChainRow:
    return chain_row(key.tenant, key.name, version, content)
