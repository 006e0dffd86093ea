"""What scripts are worth to chains: kinds, languages, problems, undo, what they are sent."""

from collections.abc import Collection

import pytest

from rules.compiler import ChainText, compile_chain
from rules.errors import ChainInvalid
from rules.plan import ComponentPolicy, Kind, Plan
from rules.scripts import SCRIPT_LIMIT, Components, ScriptText, language_of, script_sha

REGISTERED = {
    policy.id: policy
    for policy in (
        ComponentPolicy(id="pay"),
        ComponentPolicy(id="isVip", kind="boolean", read_only=True),
        ComponentPolicy(id="undoBook"),
    )
}


class Engines:
    """Knows python and cel; a text with `((` is wrong."""

    def __init__(self, *more: str) -> None:
        self.languages: Collection[str] = ("python", "cel", *more)
        self.asked: list[str] = []

    def problem(self, language: str, kind: Kind, text: str) -> str | None:
        self.asked.append(text)
        return "line 1: unbalanced" if "((" in text else None


def script(
    id: str = "price", text: str = "return 1", *, type: str = "script", language: str = "python"
) -> ScriptText:
    return ScriptText(id, text, type, language)


def components(*scripts: ScriptText, engines: Engines | None = None) -> Components:
    return Components(REGISTERED, {one.id: one for one in scripts}, engines or Engines())


def plan(chain: str, *scripts: ScriptText, engines: Engines | None = None) -> Plan:
    known = components(*scripts, engines=engines)
    return compile_chain("c", chains={"c": ChainText("c", chain)}, components=known).plan


def errors(chain: str, *scripts: ScriptText, engines: Engines | None = None) -> list[str]:
    with pytest.raises(ChainInvalid) as invalid:
        plan(chain, *scripts, engines=engines)
    return [f"{one.category}: {one.message}" for one in invalid.value.diagnostics]


KINDS: list[tuple[str, str]] = [
    ("script", "THEN(price);"),
    ("boolean_script", "IF(price, pay);"),
    ("switch_script", "SWITCH(price).TO(pay);"),
    ("for_script", "FOR(price).DO(pay);"),
    ("iterator_script", "ITERATOR(price).DO(pay);"),
]


@pytest.mark.parametrize(("type", "chain"), KINDS)
def test_a_type_is_a_kind(type: str, chain: str) -> None:
    policy = plan(chain, script(type=type)).components["price"]
    assert policy.read_only
    assert policy.script is not None
    assert policy.script.text == "return 1"
    assert policy.script.sha == script_sha("python", "return 1")
    for other, place in KINDS:
        if other != type:
            assert errors(place, script(type=type))


PROBLEMS: list[tuple[ScriptText, str]] = [
    (script(language="groovy"), "engine groovy has no worker in this deployment"),
    (script(language=" Java "), "engine java has no worker in this deployment"),
    (
        script(language="lua"),
        "there is no engine for 'lua'; in this deployment there are: cel, python",
    ),
    (script(type="class"), "'class' is no type of scripts; there are script, boolean_script"),
    (script(text="return (("), "line 1: unbalanced"),
    (script(text="x" * (SCRIPT_LIMIT + 1)), "its text is longer than 64 KiB"),
    (script("pay"), "a script has the id of a component that is registered"),
    (script("chainsaga.x"), "ids begin with no 'chainsaga.'"),
]


@pytest.mark.parametrize(("wrong", "words"), PROBLEMS, ids=lambda part: str(part)[:40])
def test_what_cannot_be_used_is_an_error_of_the_chains_that_name_it(
    wrong: ScriptText, words: str
) -> None:
    if wrong.id.isidentifier():
        (error,) = errors(f"THEN({wrong.id}, {wrong.id});", wrong)
        assert error.startswith(f"script: the script '{wrong.id}' cannot be used: {words}")
    problem = components(wrong)[wrong.id].problem
    assert problem is not None
    assert words in problem
    assert plan("THEN(undoBook);", wrong).components.keys() == {"undoBook"}


def test_what_is_no_component_at_all_is_unknown() -> None:
    (error,) = errors("THEN(prise);", script())
    assert error.startswith("unknown_ref: ")


def test_with_a_jvm_worker_its_languages_are_known() -> None:
    jvm = Engines("groovy")
    policy = plan("THEN(price);", script(language="GROOVY"), engines=jvm).components["price"]
    assert policy.script is not None
    assert (policy.script.jvm, policy.script.language) == (True, "groovy")
    # It may reach anything, so that it may have effects that nothing undoes.
    assert not policy.read_only


@pytest.mark.parametrize(
    ("given", "name"), [("js", "javascript"), (" JavaScript", "javascript"), ("Python", "python")]
)
def test_names_of_languages(given: str, name: str) -> None:
    assert language_of(given) == name


UNDONE: list[tuple[tuple[ScriptText, ...], str, str | None]] = [
    ((script("book"),), "book", "undoBook"),
    ((script("book"), script("bookCompensate")), "book", "bookCompensate"),
    ((script("hold"), script("cancelHold")), "hold", "cancelHold"),
    ((script("hold"), script("cancelHold", type="boolean_script")), "hold", None),
    ((script("hold"),), "hold", None),
    ((script("hold", type="boolean_script"), script("cancelHold")), "hold", None),
    ((script("payCompensate"),), "pay", None),
]


@pytest.mark.parametrize(("scripts", "id", "undone"), UNDONE)
def test_what_undoes_a_script_is_found_by_name(
    scripts: tuple[ScriptText, ...], id: str, undone: str | None
) -> None:
    known = components(*scripts)
    assert known[id].compensate == undone
    if id != "pay":
        assert known.inferred(id) == (undone is not None)
        assert known[id].read_only == (undone is None)


def test_a_compensation_that_cannot_be_used_is_an_error() -> None:
    (error,) = errors("THEN(hold);", script("hold"), script("undoHold", "(("))
    assert error == "script: the script 'undoHold' cannot be used: line 1: unbalanced"


NEEDS = [
    ("return 1", (False, False, ())),
    ("return _meta.requestData", (True, False, ())),
    ("return _meta.cmp.getRequestData()", (True, False, ())),
    ("return defaultContext.getData('a')", (False, True, ())),
    ("_meta.cmp.getBindData('a')", (False, True, ())),
    ("_meta.cmp.getPrivateDeliveryData()", (False, False, ("chainsaga.delivered.price",))),
]


def test_in_cel_the_request_has_a_short_name() -> None:
    for text, needed in (("request.n > 1", True), ("requested == 1", False)):
        found = components(script(text=text, language="cel", type="boolean_script"))["price"]
        assert found.needs.request is needed


@pytest.mark.parametrize(("text", "needs"), NEEDS)
def test_a_script_is_sent_what_its_words_ask_for(
    text: str, needs: tuple[bool, bool, tuple[str, ...]]
) -> None:
    found = components(script(text=text))["price"].needs
    assert (found.request, found.whole_context, found.context_keys) == needs


def test_the_plan_is_another_one_with_another_text() -> None:
    one, two = plan("THEN(price);", script()), plan("THEN(price);", script(text="return 2"))
    assert one.root == two.root
    assert one.sha != two.sha
    assert plan("THEN(pay);", script()).sha == plan("THEN(pay);").sha


def test_a_script_is_looked_at_once_and_when_it_is_asked_for() -> None:
    engines = Engines()
    known = components(script("a", "1"), script("b", "2"), engines=engines)
    assert sorted(known) == ["a", "b", "isVip", "pay", "undoBook"]
    assert len(known) == 5
    assert engines.asked == []
    assert known["a"] is known["a"]
    assert engines.asked == ["1"]


def test_equal_components_are_equal_without_looking_at_the_scripts() -> None:
    engines = Engines()
    assert components(script(), engines=engines) == components(script(), engines=engines)
    assert components(script()) != components(script(text="return 2"))
    assert components(script()) != REGISTERED
    assert engines.asked == []


def test_a_plan_with_many_long_scripts_is_too_large() -> None:
    scripts = [script(f"s{number}", "#" * 60_000) for number in range(10)]
    chain = f"THEN({', '.join(one.id for one in scripts)});"
    (error,) = errors(chain, *scripts)
    assert error.startswith("limit: the chain's plan has")
