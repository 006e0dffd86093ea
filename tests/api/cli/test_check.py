"""`check` and `fmt`: exit codes, places, where components come from, and comments."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cli.assumed import assume
from api.cli.offline import run
from rules.checks.chains import ChainText
from rules.el.comments import format_with_comments
from rules.lint.table import CODES

Captured = pytest.CaptureFixture[str]

SOUND = [
    ("common", "THEN(a, b)", {"a": "common", "b": "common"}),
    ("condition", "IF(AND(x, NOT(y)), a)", {"x": "boolean", "y": "boolean", "a": "common"}),
    ("switch", "SWITCH(s).TO(a).DEFAULT(b)", {"s": "switch", "a": "common", "b": "common"}),
    ("for", "FOR(n).DO(a).BREAK(x)", {"n": "for", "a": "common", "x": "boolean"}),
    ("iterator", "ITERATOR(it).DO(a)", {"it": "iterator", "a": "common"}),
    ("while", "WHILE(x).DO(a)", {"x": "boolean", "a": "common"}),
    ("node()", 'IF(node("x"), node("a"))', {"x": "boolean", "a": "common"}),
    ("tagged", 'IF(x.tag("t"), a.retry(2))', {"x": "boolean", "a": "common"}),
    ("variable of a name", "v = x; IF(v, a)", {"x": "boolean", "a": "common"}),
    ("variable of a variable", "v = x; w = v; IF(w, a)", {"x": "boolean", "a": "common"}),
    ("variable set anew", 'v = a; v = v.tag("t"); THEN(v)', {"a": "common"}),
    ("variable of an expression", "v = THEN(a); THEN(v)", {"a": "common"}),
    ("must names a branch", "WHEN(a, b).must(a)", {"a": "common", "b": "common"}),
]


@pytest.mark.parametrize(("_", "text", "kinds"), SOUND, ids=[case[0] for case in SOUND])
def test_components_are_assumed_by_their_places(
    _: str, text: str, kinds: dict[str, str], tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "main.el").write_text(text)
    assert run(["check", str(tmp_path / "main.el"), "--json"]) == 0
    (chain,) = json.loads(capsys.readouterr().out)["chains"]
    assert (chain["sound"], chain["assumed"]) == (True, kinds)
    assert [one for one in chain["diagnostics"] if one["severity"] != "info"] == []


def test_variables_may_hide_what_others_stand_for() -> None:
    found = assume("m", {"m": ChainText("m", "v = x; x = y; y = v; IF(y, a)")})
    kinds = {name: one.kind for name, one in found.items()}
    assert kinds == {"x": "boolean", "y": "common", "a": "common"}


@given(st.lists(st.sampled_from([*"abvxyz", *"(),.=;", "THEN", "IF", "node", '"a"', "//", "tag"])))
def test_any_text_is_taken(words: list[str]) -> None:
    text = " ".join(words)
    assert set(assume("m", {"m": ChainText("m", text)})) <= set(words) | {"a"}


UNSOUND = [
    ("one id in two places", "THEN(IF(x, a), x)", "operand_type"),
    ("no expression", "a", "not_a_condition"),
    ("syntax", "THEN(a,", "syntax"),
    ("unknown operator", "THEM(a)", "unknown_function"),
    ("no such branch", "WHEN(a, b).must(c)", "unknown_ref"),
    ("circle", "THEN(main)", "cyclic"),
]


@pytest.mark.parametrize(("_", "text", "category"), UNSOUND, ids=[case[0] for case in UNSOUND])
def test_what_is_wrong_is_told(
    _: str, text: str, category: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "main.el").write_text(text)
    assert run(["check", str(tmp_path / "main.el"), "--json"]) == 1
    (chain,) = json.loads(capsys.readouterr().out)["chains"]
    assert category in [one["category"] for one in chain["diagnostics"]]
    assert all(one["line"] == 1 and one["column"] >= 1 for one in chain["diagnostics"])


def test_all_that_is_wrong_is_shown_with_place_and_mend(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "main.el").write_text("THEN(a,\n  IFF(x, a), FOR(3))")
    assert run(["check", str(tmp_path / "main.el")]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    for words in ("main:2:3: error", "did you mean 'IF'", "^^^", "this loop has no DO", "FOR(3)."):
        assert words in told.err


def test_a_folder_is_a_set_of_chains(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "outer.el").write_text("THEN(inner, b)")
    (tmp_path / "inner.el").write_text("IF(x, a)")
    assert run(["check", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert told.out == "inner: 3 nodes, sound\nouter: 6 nodes, sound\n"
    assert "outer: note: assumed" in told.err
    assert "x (boolean)" in told.err


@pytest.mark.parametrize("more", [[], ["--components", "kinds.json"]], ids=["assumed", "named"])
def test_a_template_is_no_error(
    more: list[str], tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("base.el").write_text("THEN(a, {{what}})")
    Path("kinds.json").write_text('{"a": "common"}')
    assert run(["check", "base.el", *more]) == 0
    told = capsys.readouterr()
    assert told.out == "base: a template, read where a chain extends it\n"
    assert "base:1:9: info: 'base' is a template: {{what}} has no value" in told.err
    assert run(["check", "base.el", "--json", *more]) == 0
    (chain,) = json.loads(capsys.readouterr().out)["chains"]
    assert (chain["sound"], chain["nodes"]) == (True, None)
    # To run it is another matter.
    with pytest.raises(SystemExit) as stop:
        run(["plan", "base.el", *more])
    assert stop.value.code == 1


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("THEN(a)"))
    assert run(["check", "-"]) == 0
    assert capsys.readouterr().out == "-: 2 nodes, sound\n"


FILES = [
    ({"a": "common"}, 0),
    ({"a": "boolean"}, 1),
    ({"b": "common"}, 1),
    ({"a": {"compensate": "undoA"}}, 0),
    ({"a": "comon"}, 2),
    ({"a": {"undo": "b"}}, 2),
    ({"a": {"compensate": 3}}, 2),
    ({"a": {"read_only": "yes"}}, 2),
    (["a"], 2),
]


@pytest.mark.parametrize(("said", "code"), FILES, ids=str)
def test_components_from_a_file(said: object, code: int, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "main.el").write_text("THEN(a)")
    (tmp_path / "kinds.json").write_text(json.dumps(said))
    words = ["check", str(tmp_path / "main.el"), "--components", str(tmp_path / "kinds.json")]
    assert _code(words) == code
    assert "assumed" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["check", "nosuch.el"],
        ["check", "empty"],
        ["check", "binary.el"],
        ["check", "main.el", "--components", "nosuch.json"],
        ["check", "main.el", "--components", "binary.el.json"],
        ["check", "main.el", "--components", "no.such.package"],
        ["fmt", "-", "--write"],
        ["explain", "."],
        ["check"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_carried_out(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("THEN(a)"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "main.el").write_text("THEN(a)")
    if words[1:] == ["binary.el"]:
        (tmp_path / "binary.el").write_bytes(b"\xff\xfe")
    (tmp_path / "binary.el.json").write_text("{")
    (tmp_path / "second.el").write_text("THEN(a)")
    assert _code(words) == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize("command", ["explain", "plan", "graph"])
def test_a_chain_that_does_not_compile_has_no_plan(
    command: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "main.el").write_text("THEN(a, FOR(3))")
    assert _code([command, str(tmp_path / "main.el")]) == 1
    assert "this loop has no DO" in capsys.readouterr().err


def test_a_plan_that_may_be_too_large_is_compiled(tmp_path: Path, capsys: Captured) -> None:
    large = "d" * 30_000
    (tmp_path / "main.el").write_text(f"THEN({', '.join(['a'] * 30)}).data('{large}')")
    assert run(["check", str(tmp_path / "main.el")]) == 1
    assert ".data and .bind give more" in capsys.readouterr().err


COMMENTS = [
    ("before", "// one\n/* two */ THEN( a )", "// one\n/* two */\nTHEN(a);\n"),
    ("behind", "THEN(a); // one\n// two", "THEN(a); // one\n// two\n"),
    ("between", "v = THEN(a);\n// one\nTHEN(v)", "v = THEN(a);\n// one\nTHEN(v);\n"),
    ("none", 'THEN(a,\n"//".x)', None),
    ("inside", "THEN(a, // one\n b)", None),
]


@pytest.mark.parametrize(("_", "text", "formatted"), COMMENTS, ids=[case[0] for case in COMMENTS])
def test_comments_are_kept_or_the_text_is(
    _: str, text: str, formatted: str | None, tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "main.el"
    file.write_text(text)
    assert run(["fmt", str(file), "--write"]) == (0 if formatted else 1)
    assert file.read_text() == (formatted or text)
    if formatted is None:
        assert "main:" in capsys.readouterr().err
        return
    assert format_with_comments(formatted, "main") == formatted
    assert run(["fmt", str(file), "--check"]) == 0


def test_the_difference_is_shown(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "main.el"
    file.write_text("THEN( a )")
    assert run(["fmt", str(file), "--check"]) == 1
    assert file.read_text() == "THEN( a )"
    told = capsys.readouterr().out
    assert "-THEN( a )\n" in told
    assert "+THEN(a);\n" in told


def _code(words: list[str]) -> object:
    try:
        return run(words)
    except SystemExit as stop:
        return stop.code


LINTED = [
    ("no compensation", "THEN(ship, pay)", ["no_undo"]),
    ("undone all the same", "THEN(pay, CATCH(THEN(pay, ship)))", ["undo_absorbed"]),
    ("endless", "WHILE(true).DO(pay)", ["endless_loop"]),
    ("as the compiler warns", "THEN(pay); THEN(pay)", ["discarded_statement"]),
    ("all is well", "THEN(pay, ship)", []),
]
KINDS = {"pay": {"compensate": "refund"}, "ship": "common"}


@pytest.mark.parametrize("command", ["check", "explain", "plan", "graph"])
@pytest.mark.parametrize(("_", "text", "codes"), LINTED, ids=[case[0] for case in LINTED])
def test_warnings_are_shown(
    _: str, text: str, codes: list[str], command: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "main.el").write_text(text)
    (tmp_path / "kinds.json").write_text(json.dumps(KINDS))
    words = [str(tmp_path / "main.el"), "--components", str(tmp_path / "kinds.json")]
    assert run([command, *words]) == 0
    told = capsys.readouterr().err
    assert [code for code in codes if f"[{code}]" not in told] == []
    assert told.count("main:1:") == len(codes)


@pytest.mark.parametrize(("_", "text", "codes"), LINTED, ids=[case[0] for case in LINTED])
def test_warnings_as_json_have_code_and_mend(
    _: str, text: str, codes: list[str], tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "main.el").write_text(text)
    (tmp_path / "kinds.json").write_text(json.dumps(KINDS))
    words = [str(tmp_path / "main.el"), "--components", str(tmp_path / "kinds.json"), "--json"]
    assert run(["check", *words]) == 0
    (chain,) = json.loads(capsys.readouterr().out)["chains"]
    assert [one["category"] for one in chain["diagnostics"]] == codes
    for one in chain["diagnostics"]:
        assert (one["severity"], bool(one["message"]), one["line"]) == ("warning", True, 1)
        assert bool(one["mend"]) == (one["category"] in CODES)


def test_nothing_is_said_of_components_that_nobody_told_of(
    tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "main.el").write_text("THEN(ship, pay, WHILE(true).DO(b), FINALLY(THEN(c, d)))")
    assert run(["check", str(tmp_path / "main.el"), "--json"]) == 0
    (chain,) = json.loads(capsys.readouterr().out)["chains"]
    assert [one["category"] for one in chain["diagnostics"]] == ["endless_loop"]


def test_the_limit_of_a_when_is_an_option(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "main.el").write_text("WHEN(a, WHEN(b).maxWaitSeconds(9))")
    assert run(["plan", str(tmp_path / "main.el"), "--when-max-wait-ms", "1500"]) == 0
    outer = json.loads(capsys.readouterr().out)["root"]
    assert (outer["max_wait"], outer["items"][1]["max_wait"]) == (1500, 9000)
    assert run(["plan", str(tmp_path / "main.el")]) == 0
    assert "max_wait" not in json.loads(capsys.readouterr().out)["root"]


@pytest.mark.parametrize("limit", ["0", "-1", "soon"])
def test_a_limit_is_a_positive_number(limit: str, tmp_path: Path) -> None:
    (tmp_path / "main.el").write_text("THEN(a)")
    assert _code(["check", str(tmp_path / "main.el"), "--when-max-wait-ms", limit]) == 2
