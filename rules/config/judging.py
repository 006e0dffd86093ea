"""What speaks against a change of a chain: its own text, and the chains that it would break.

For the writing of chains. Judges by the rules that are served, which the writer has just read.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from rules.config.breaking import Broken, beneath, would_break
from rules.config.changes import Standing, Step
from rules.config.errors import WouldBreak
from rules.config.kinds import Content, Key
from rules.config.live import LiveRules
from rules.config.rows import Rows
from rules.config.writing import Verdict
from rules.errors import ChainInvalid, Diagnostic
from rules.source.chains import NOTHING, text_of
from rules.source.plans import Texts
from rules.source.repository import ChainRow
from rules.source.versions import chain_row


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


def _is_draft(standing: Standing, step: Step) -> bool:
    """Whether the change puts nothing live."""
    return step.same or not step.live(standing.kind)


def _row(key: Key, version: int, content: Content) -> ChainRow:
    return chain_row(key.tenant, key.name, version, content)
