"""Random edits of one chain or script, by the writer and by SQL, against a model of what authors
expect. SQL is also used while no process runs.
"""

from collections.abc import Mapping
from functools import partial
from random import Random

import pytest
from sqlalchemy import Engine, update

from rules.config.changes import (
    Wish,
    create,
    discard,
    publish,
    remove,
    roll_back,
    save,
    switch,
    unpublish,
)
from rules.config.errors import ConfigInvalid, ConfigStale
from rules.config.judging import ChainJudge
from rules.config.kinds import CHAINS, COMPONENTS, Content, Key, Kind
from rules.config.reading import ConfigReader
from rules.config.rows import Rows
from rules.config.scripts import ScriptJudge
from rules.config.writing import Asked, ConfigWriter, Written
from rules.errors import ChainInvalid
from rules.plan import ComponentPolicy
from rules.source.repository import ChainRow
from rules.source.scripts import ScriptRow
from rules.source.service import RuleSource
from rules.source.versions import Note
from tests.rules.config.edits_model import Action, Model, State

KEYS = {CHAINS.type: Key("default", "1", "c"), COMPONENTS.type: Key("", "1", "c")}
TEXTS = ("THEN(a);", "THEN(b);", "THEN(a, b);", "WHEN(d, e);")
BAD: dict[str, Content] = {
    CHAINS.type: {"chain_code": "THEN(nobody);"},
    COMPONENTS.type: {"component_type": "wizard"},
}
STEPS = 60
ALWAYS: tuple[Action, ...] = (
    "save",
    "save",
    "save_live",
    "publish",
    "unpublish",
    "enable",
    "disable",
    "remove",
    "discard",
    "roll_back",
    "sql",
)
GONE: tuple[Action, ...] = ("create", "roll_back")


class Author:
    """Who writes the one chain or script."""

    def __init__(
        self, engine: Engine, components: Mapping[str, ComponentPolicy], kind: Kind
    ) -> None:
        self.engine = engine
        self.components = components
        self.kind = kind
        self.key = KEYS[kind.type]
        self.start()

    def start(self) -> None:
        """A process that has just begun; the one before it, if any, has ended."""
        self.rules = RuleSource(self.engine, "dms-liteflow", "default", self.components)
        self.rules.refresh()
        self.writer = ConfigWriter(self.engine, "dms-liteflow", self.kind, self.rules)
        self.reader = ConfigReader(self.engine, "dms-liteflow", self.kind)

    def write(self, wish: Wish, expect: int) -> Written:
        chains = ChainJudge(self.rules, Rows("dms-liteflow", CHAINS))
        judge = chains if self.kind is CHAINS else ScriptJudge(self.rules, ())
        return self.writer.write(Asked(self.key, wish, Note("UPDATE", "ann"), judge, expect))

    def wish(self, action: Action, text: str, version: int) -> Wish:
        fields = {self.kind.text: text}
        match action:
            case "create":
                return create(fields, enabled=True, publish=True)
            case "save" | "save_live":
                return save(fields, publish=action == "save_live")
            case "enable" | "disable":
                return partial(switch, on=action == "enable")
            case "roll_back":
                return roll_back(self.reader.version(self.key, version).content, live=None)
            case _:
                plain: dict[str, Wish] = {
                    "publish": publish,
                    "unpublish": unpublish,
                    "remove": remove,
                    "discard": discard,
                }
                return plain[action]

    def by_sql(self, text: str, *, unseen: bool) -> None:
        """Edit the row; `unseen`: nobody runs meanwhile."""
        with self.engine.begin() as connection:
            connection.execute(update(self.kind.table).values({self.kind.text: text}))
        if unseen:
            self.start()
        else:
            self.rules.poll()

    @property
    def serves(self) -> str | None:
        served = self.rules.snapshot
        row: ChainRow | ScriptRow | None = (
            served.chains("1").get("c")
            if self.kind is CHAINS
            else served.deployments.scripts.own("1").get("c")
        )
        return row.text if row is not None and row.serving else None


@pytest.mark.parametrize("kind", [CHAINS, COMPONENTS], ids=lambda kind: kind.word)
@pytest.mark.parametrize("seed", range(8))
def test_edits_end_as_authors_expect(
    engine: Engine, components: Mapping[str, ComponentPolicy], kind: Kind, seed: int
) -> None:
    random, author, model = Random(seed), Author(engine, components, kind), Model()
    for _ in range(STEPS):
        actions = GONE if model.row is None else ALWAYS
        action, text = random.choice(actions), random.choice(TEXTS)
        if action == "roll_back" and not any(one.text for one in model.kept.values()):
            action = "create"
        if action == "create" and model.row is not None:
            continue
        number = random.choice([n for n, one in model.kept.items() if one.text] or [0])
        if action == "sql":
            author.by_sql(text, unseen=random.random() < 0.5)
            model.act(action, text)
        else:
            check_refusals(author, model, action, random)
            wish = author.wish(action, text, number)
            written = author.write(wish, model.version)
            assert (written.step is not None) is model.act(action, text, number), action
            assert written.standing.version == model.version
            draft = written.standing.draft
            assert (draft and draft.content[kind.text]) == model.draft
        assert author.serves == model.serves, action
        if model.row is not None:
            assert author.reader.find(author.key).version == model.version
    check_history(author, model)


def check_refusals(author: Author, model: Model, action: Action, random: Random) -> None:
    """Stale and bad writes are refused, and change nothing."""
    if model.row is None:
        return
    if random.random() < 0.3:
        with pytest.raises(ConfigStale):
            author.write(remove, model.version - 1)
    if random.random() < 0.3:
        bad = save(BAD[author.kind.type], publish=action == "publish")
        with pytest.raises((ChainInvalid, ConfigInvalid)):
            author.write(bad, model.version)


def check_history(author: Author, model: Model) -> None:
    """Every number once, each with what it was when it was written."""
    found = {
        one.version: author.reader.version(author.key, one.version).content
        for one in author.reader.versions(author.key, 1_000, None)
    }
    assert sorted(found) == list(range(1, model.last + 1)) == sorted(model.kept)
    for number, content in found.items():
        if model.kept[number].text:
            state = State(
                str(content[author.kind.text]),
                content["status"] == "PUBLISHED",
                bool(content[author.kind.enable]),
            )
            assert state == model.kept[number], number
        else:
            assert content["status"] == "DELETED"
