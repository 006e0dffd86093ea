"""Writing beside somebody who edits by SQL all the time, just before each lock."""

from collections.abc import Mapping

from sqlalchemy import Engine, update
from typing_extensions import override

from rules.config.changes import create
from rules.config.judging import ChainJudge
from rules.config.kinds import CHAINS, Key
from rules.config.rows import Rows
from rules.config.writing import Asked, ConfigWriter
from rules.plan import ComponentPolicy
from rules.source.repository import ChainRepository, ChainRow
from rules.source.service import RuleSource
from rules.source.tables import flow_chain
from rules.source.versions import Note

APPLICATION = "dms-liteflow"
EDITS = 6


class Interrupted(RuleSource):
    """Rules of which somebody else's chain is edited whenever they have been read."""

    left = EDITS

    @override
    def poll(self, *, keep: bool = True) -> bool:
        read = super().poll(keep=keep)
        if keep and self.left:
            self.left -= 1
            text = f"THEN({', '.join('a' * (self.left + 2))});"
            with self.engine.begin() as connection:
                connection.execute(update(flow_chain).values(chain_code=text))
        return read


def test_edits_by_sql_keep_no_author_out(
    engine: Engine, components: Mapping[str, ComponentPolicy]
) -> None:
    other = ChainRow(tenant="2", name="other", text="THEN(a);")
    ChainRepository(engine, APPLICATION, "default").save(other)
    rules = Interrupted(engine, APPLICATION, "default", components)
    rules.refresh()
    writer = ConfigWriter(engine, APPLICATION, CHAINS, rules)
    judge = ChainJudge(rules, Rows(APPLICATION, CHAINS))
    wish = create({"chain_code": "THEN(b);"}, enabled=True, publish=True)
    written = writer.write(Asked(Key("default", "1", "mine"), wish, Note("CREATE", "ann"), judge))
    assert rules.left == 0
    assert written.standing.version == 1
    assert rules.snapshot.chains("1")["mine"].text == "THEN(b);"
