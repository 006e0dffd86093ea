"""`chainsaga simulate` as a command: lines in, lines out, what is no case, exit codes."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.cli.offline import run
from dev.stack import ROOT

SOUND = {"id": "sound", "chains": {"main": "THEN(a)"}, "nodes": {"a": {"type": "common"}}}
EXAMPLES = ROOT / "examples" / "cases"


def line(**fields: object) -> str:
    return json.dumps({**SOUND, "run": "main", **fields})


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    answers: list[dict[str, object]]
    errors: list[str]


def simulate(lines: Sequence[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Done:
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
    code = run(["simulate", str(file)])
    out, err = capsys.readouterr()
    errors = [words.removeprefix(f"{file}:") for words in err.splitlines()]
    return Done(code, [json.loads(answer) for answer in out.splitlines()], errors)


def test_answers_come_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = ["one", "zwei", "三"]
    done = simulate([line(id=id) for id in ids], tmp_path, capsys)
    assert [answer["id"] for answer in done.answers] == ids
    assert (done.code, done.errors) == (0, [])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("{'id': 1}", "2: this is no JSON: "),
        ("[]", "2: a case is a JSON object, such as "),
        ('{"id": "x"}', "2: case 'x': chains: field required"),
        (line(id=7), "2: id: input should be a valid string"),
        (line(runs="main"), "2: case 'sound': runs: there is no such field; did you mean 'run'?"),
        (
            line(remark="?"),
            "2: case 'sound': remark: there is no such field; leave it out, or put it into 'note'",
        ),
        (
            line(nodes={"a": {"type": "common", "trows": "X"}}),
            "2: case 'sound': nodes.a.trows: there is no such field; did you mean 'throws'?",
        ),
        (
            line(nodes={"a": {"type": "comon"}}),
            "2: case 'sound': nodes.a.type: input should be 'common', 'boolean', ",
        ),
        (
            line(nodes={"a": {"type": "common", "returns": {"op": "tag_bol"}}}),
            "2: case 'sound': nodes.a.returns.op: input should be 'tag_bool', ",
        ),
        (line(chains=["THEN(a)"]), "2: case 'sound': chains"),
        (line(ops=[{"op": "dance"}]), "2: case 'sound': ops.0.op: input should be 'run', "),
        (
            line(ops=[{"op": "set_chain", "el": "THEN(a)"}]),
            "2: case 'sound': ops: set_chain needs the 'id' of what it changes",
        ),
        (
            line(nodes={"chainsaga.a": {"type": "common"}}),
            "2: case 'sound': nodes: component 'chainsaga.a'",
        ),
        (
            line(nodes={f"f{n}": {"type": "common", "fallback": True} for n in range(2)}),
            "2: case 'sound': nodes: component 'f1'",
        ),
    ],
)
def test_what_is_no_case_is_told_and_the_others_are_answered(
    wrong: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = simulate([line(id="before"), wrong, "", line(id="after")], tmp_path, capsys)
    assert [answer["id"] for answer in done.answers] == ["before", "after"]
    assert done.code == 2
    assert len(done.errors) == 1
    assert done.errors[0].startswith(words)


def test_several_mistakes_are_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = simulate(
        [line(rum="main", nodes={"a": {"type": "common", "nam": "A"}})], tmp_path, capsys
    )
    assert "rum: " in done.errors[0]
    assert "nodes.a.nam: " in done.errors[0]


def test_what_a_case_expects_and_remarks_is_no_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remarks = {"expect_steps": "a", "expect_anything": 1, "note": "", "quirk": True, "timing": True}
    done = simulate(
        [line(**remarks), line(ops=[{"op": "run", "run": "main", **remarks}])], tmp_path, capsys
    )
    assert (done.code, len(done.answers), done.errors) == (0, 2, [])


def test_half_a_character_is_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    node = {"type": "common", "record": "\ud800"}
    done = simulate([line(nodes={"a": node})], tmp_path, capsys)
    assert [answer["records"] for answer in done.answers] == [["\ud800"]]


def test_it_reads_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(line() + "\n" + "no case\n"))
    assert run(["simulate", "-"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["steps"] == "a"
    assert err.startswith("-:2: this is no JSON")


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), (b"\xff", "no UTF-8 text")])
def test_a_file_that_cannot_be_read(
    content: bytes | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cases.jsonl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        run(["simulate", str(file)])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.jsonl")), ids=lambda file: file.stem)
def test_the_examples_are_cases(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", str(file)]) == 0
    answers = [json.loads(answer) for answer in capsys.readouterr().out.splitlines()]
    assert {answer["parse"] for answer in answers} == {"ok"}
