"""Random edits of one chain, by the writer and by SQL, against a model of what authors expect."""

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
from rules.config.errors import ConfigStale
from rules.config.judging import ChainJudge
from rules.config.kinds import CHAINS, Key
from rules.config.reading import ConfigReader
from rules.config.rows import Rows
from rules.config.writing import Asked, ConfigWriter, Written
from rules.errors import ChainInvalid
from rules.plan import ComponentPolicy
from rules.source.service import RuleSource
from rules.source.tables import flow_chain
from rules.source.versions import Note
from tests.rules.config.edits_model import Action, Model, State

KEY = Key("default", "1", "c")
TEXTS = ("THEN(a);", "THEN(b);", "THEN(a, b);", "WHEN(d, e);")
BAD = "THEN(nobody);"
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
    """Who writes the one chain."""

    def __init__(self, engine: Engine, components: Mapping[str, ComponentPolicy]) -> None:
        self.rules = RuleSource(engine, "dms-liteflow", "default", components)
        self.engine = engine
        self.rules.refresh()
        self.writer = ConfigWriter(engine, "dms-liteflow", CHAINS, self.rules)
        self.reader = ConfigReader(engine, "dms-liteflow", CHAINS)
        self.judge = ChainJudge(self.rules, Rows("dms-liteflow", CHAINS))

    def write(self, wish: Wish, expect: int) -> Written:
        return self.writer.write(Asked(KEY, wish, Note("UPDATE", "ann"), self.judge, expect))

    def wish(self, action: Action, text: str, version: int) -> Wish:
        fields = {"chain_code": text}
        match action:
            case "create":
                return create(fields, enabled=True, publish=True)
            case "save" | "save_live":
                return save(fields, publish=action == "save_live")
            case "enable" | "disable":
                return partial(switch, on=action == "enable")
            case "roll_back":
                return roll_back(self.reader.version(KEY, version).content, live=None)
            case _:
                plain: dict[str, Wish] = {
                    "publish": publish,
                    "unpublish": unpublish,
                    "remove": remove,
                    "discard": discard,
                }
                return plain[action]

    def by_sql(self, text: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(update(flow_chain).values(chain_code=text))
        self.rules.poll()

    @property
    def serves(self) -> str | None:
        row = self.rules.snapshot.chains("1").get("c")
        return row.text if row is not None and row.serving else None


@pytest.mark.parametrize("seed", range(8))
def test_edits_end_as_authors_expect(
    engine: Engine, components: Mapping[str, ComponentPolicy], seed: int
) -> None:
    random, author, model = Random(seed), Author(engine, components), Model()
    for _ in range(STEPS):
        actions = GONE if model.row is None else ALWAYS
        action, text = random.choice(actions), random.choice(TEXTS)
        if action == "roll_back" and not any(one.text for one in model.kept.values()):
            action = "create"
        if action == "create" and model.row is not None:
            continue
        number = random.choice([n for n, one in model.kept.items() if one.text] or [0])
        if action == "sql":
            author.by_sql(text)
            model.act(action, text)
        else:
            check_refusals(author, model, action, random)
            wish = author.wish(action, text, number)
            written = author.write(wish, model.version)
            assert (written.step is not None) is model.act(action, text, number), action
            assert written.standing.version == model.version
            draft = written.standing.draft
            assert (draft and draft.content["chain_code"]) == model.draft
        assert author.serves == model.serves, action
        if model.row is not None:
            assert author.reader.find(KEY).version == model.version
    check_history(author, model)


def check_refusals(author: Author, model: Model, action: Action, random: Random) -> None:
    """Stale and bad writes are refused, and change nothing."""
    if model.row is None:
        return
    if random.random() < 0.3:
        with pytest.raises(ConfigStale):
            author.write(remove, model.version - 1)
    if random.random() < 0.3:
        with pytest.raises(ChainInvalid):
            author.write(save({"chain_code": BAD}, publish=action == "publish"), model.version)


def check_history(author: Author, model: Model) -> None:
    """Every number once, each with what it was when it was written."""
    found = {
        one.version: author.reader.version(KEY, one.version).content
        for one in author.reader.versions(KEY, 1_000, None)
    }
    assert sorted(found) == list(range(1, model.last + 1)) == sorted(model.kept)
    for number, content in found.items():
        if model.kept[number].text:
            state = State(
                str(content["chain_code"]),
                content["status"] == "PUBLISHED",
                bool(content["chain_enable"]),
            )
            assert state == model.kept[number], number
        else:
            assert content["status"] == "DELETED"
