"""Which error each mistake gives, and where: one list per category of the EL reference."""

from collections.abc import Callable

import pytest

from rules.compiler import Compiled
from rules.errors import ChainInvalid

Compile = Callable[[str], Compiled]

# In each text, what the error points at stands between guillemets; several in their order.
SYNTAX = ["THEN(a«»", "THEN(a,«)»", "THEN(a «b»)", "«#» c\nTHEN(a)", "THEN(a).«»"]
UNKNOWN_FUNCTION = [
    "THEN(a, «then»(b))",
    "«do»(a)",
    "THEN(a).«nosuch»('k')",
    "THEN(«ELSE»(a))",
    "«TO»(a)",
    "THEN(a.«PRE»(b))",
    "FOR(2).«Do»(a)",
    "THEN(a.«node»('b'))",
]
UNKNOWN_REF = [
    "WHEN(a.tag(«nosuch»)).must('a')",
    "THEN(a, WHEN(b, «nosuch»))",
    "SWITCH(s).TO(a, «nosuch»)",
    "FOR(«nosuch»).DO(«neither»)",
    "WHEN(a, b).must(«'c'»)",
    "WHEN(a, b).must('a', «c», «'d'»)",
    "WHEN(a, THEN(b).id('t')).must(«b», 't', «THEN(c)»)",
    "WHEN(a, b.tag('t')).must(«'t'»)",
    "THEN(a).id('t').maxWaitSeconds(1).id('u').must(«'u'»)",
    "IF(AND(x, «node('nosuch')»), a)",
    "ITERATOR(«node('nosuch').tag('t')»).DO(a)",
    "WHILE(«node('nosuch')»).DO(a).BREAK(«node('nosuch')»)",
]
ARITY = [
    "«THEN()»",
    "THEN(«PRE()», a)",
    "«IF(x)»",
    "IF(x, a).«ELSE(b, c)»",
    "«SWITCH(s, s)».TO(a)",
    "SWITCH(s).«TO()»",
    "SWITCH(s).«DEFAULT(a, b)»",
    "«FOR(1, 2)».DO(a)",
    "FOR(2).«DO(a, b)»",
    "FOR(2).DO(a).«BREAK()»",
    "«CATCH(a, b)»",
    "IF(«AND(x)», a)",
    "IF(«OR()», a)",
    "IF(«NOT(x, y)», a)",
    "THEN(«node()»)",
    "THEN(a).«retry()»",
    "THEN(a).«bind('k')»",
    "THEN(a).«bind('k', 'v', true, true)»",
    "WHEN(a).«any()»",
    "WHEN(a).«must()»",
    "WHEN(a).«percentage(0.1, 0.2)»",
    "WHEN(a).«maxWaitSeconds()»",
    "FOR(2).«parallel()».DO(a)",
]
OPERAND_TYPE = [
    "THEN(«x», «s», «n», «it», «1», «null»)",
    "PRE(«x»)",
    "IF(«a», b)",
    "IF(«true», a)",
    "IF(«THEN(a)», a)",
    "IF(«sub», a).ELIF(«s», b)",
    "IF(AND(x, «a»), b).ELSE(«y»)",
    "IF(«x.retry(1)», a)",
    "IF(NOT(«x.maxWaitSeconds(1)»), a)",
    "SWITCH(«x»).TO(b, «s»)",
    "SWITCH(«a.retry(1)»).TO(b)",
    "FOR(«'2'»).DO(a)",
    "FOR(«2.0»).DO(a)",
    "FOR(«true»).DO(a)",
    "FOR(«x»).DO(a)",
    "WHILE(«a»).DO(b)",
    "WHILE(«1»).DO(b)",
    "ITERATOR(«n»).DO(a)",
    "ITERATOR(«3»).DO(a)",
    "FOR(2).DO(«x»)",
    "FOR(2).DO(a).BREAK(«b»)",
    "WHILE(x).DO(a).BREAK(«true»)",
    "CATCH(«n»).DO(«it»)",
    "IF(«FOR(2)», a)",
]
CALLER_TYPE = [
    "THEN(a).«any(true)»",
    "WHEN(a).retry(1).«any(true)»",
    "THEN(a.«must('a')»)",
    "THEN(a).«percentage(0.5)»",
    "IF(x, a).«ignoreError(true)»",
    "IF(x, a).«DO(b)»",
    "THEN(a).«DO(b)»",
    "THEN(a).«parallel(true)»",
    "CATCH(a).DO(b).«BREAK(x)»",
    "FOR(2).DO(a).retry(1).«BREAK(x)»",
    "THEN(a).«ELSE(b)»",
    "IF(x, a).retry(1).«ELSE(b)»",
    "THEN(a).«TO(b)»",
    "SWITCH(s).TO(a).maxWaitSeconds(1).«DEFAULT(b)»",
    "THEN(a.«id('q')», sub.«id('q')», a.tag('t').«id('q')»)",
    "THEN(a).«threadPool('p')»",
    "v = 3.«retry(1)»; THEN(a)",
]
ARGUMENT_TYPE = [
    "WHEN(a, b).any(«'true'»)",
    "WHEN(a, b).any(«x»)",
    "WHEN(a, b).ignoreError(«1»)",
    "WHEN(a, b).must(«3», «true»)",
    "WHEN(a, b).percentage(«'0.5'»)",
    "WHEN(a, b).maxWaitSeconds(«1.5»)",
    "WHEN(a, b).maxWaitMilliseconds(«'3'»)",
    "THEN(a).retry(«'2'»)",
    "THEN(a).retry(«2.0», «a»)",
    "THEN(a).tag(«3»)",
    "THEN(a).id(«a»)",
    "THEN(a).data(«true»)",
    "THEN(a).bind(«1», «2», «'true'»)",
    "FOR(2).parallel(«'true'»).DO(a)",
    "THEN(node(«a»), node(«1»))",
    "WHEN(a).threadPool(«1»)",
]
RANGE = [
    "WHEN(a, b).percentage(«1.5»)",
    "WHEN(a, b).percentage(«-0.1»)",
    "WHEN(a, b).percentage(«2»)",
    "THEN(a).maxWaitSeconds(«0»)",
    "WHEN(a).maxWaitMilliseconds(«-5»)",
    "FOR(«3000000000»).DO(a)",
]
DUPLICATE_ELSE = ["IF(x, a, b).«ELSE(c)»", "IF(x, a).ELSE(IF(y, b)).«ELIF(x, c)».«ELSE(c)»"]
DUPLICATE_PART = [
    "FOR(2).DO(a).«DO(b)»",
    "CATCH(a).DO(b).«DO(c)»",
    "SWITCH(s).DEFAULT(a).TO(b).«DEFAULT(c)»",
    "WHILE(x).BREAK(y).DO(a).«BREAK(x)»",
    "v = FOR(2).DO(a); v.«DO(b)»",
]
STRUCTURE = [
    "«FOR(2).id('i')»",
    "v = FOR(2); THEN(«v», v.DO(a))",
    "THEN(a, «WHILE(x).BREAK(y)»)",
    "«FOR(2)».maxWaitSeconds(1)",
    "«ITERATOR(it)»",
    "IF(x, «FOR(2).parallel(true)»)",
    "WHEN(«PRE(a)», b, «FINALLY(c)»)",
    "WHEN(«PRE(a).retry(1)», «FINALLY(c).maxWaitSeconds(1)»)",
    "IF(x, «PRE(a)», «FINALLY(b)»)",
    "IF(x, «AND(x, y)»).ELIF(y, «PRE(a)»).ELSE(«NOT(x)»)",
    "SWITCH(s).TO(a, «OR(x, y)», «FINALLY(a)»).DEFAULT(«PRE(b).id('b')»)",
]
UNSUPPORTED_HOST = [
    "THEN(a «?» b : c)",
    "THEN(«a-b»)",
    "IF(x «==» y, a)",
    "«function» f(x) { THEN(a) }",
    "FOR(«1 + a»).DO(b)",
    "THEN(t = b «=» a)",
]
NOT_A_CONDITION = [
    "«a»",
    "«sub»",
    "«'text'»",
    "«null»",
    "«x»",
    "«a.tag('t').data('d').bind('k', 'v')»",
    "«sub.data('d')»",
    "«node('a')»",
    "«node('nosuch')»",
    "t = «a»",
]

ERRORS = {
    "syntax": SYNTAX,
    "unknown_function": UNKNOWN_FUNCTION,
    "unknown_ref": UNKNOWN_REF,
    "arity": ARITY,
    "operand_type": OPERAND_TYPE,
    "caller_type": CALLER_TYPE,
    "argument_type": ARGUMENT_TYPE,
    "range": RANGE,
    "duplicate_else": DUPLICATE_ELSE,
    "duplicate_part": DUPLICATE_PART,
    "structure": STRUCTURE,
    "unsupported_host": UNSUPPORTED_HOST,
    "not_a_condition": NOT_A_CONDITION,
    "cyclic": ["FOR(2).DO(«main»)", "WHEN(a, «round1».retry(1))"],
    "placeholder_missing": ["THEN(a, «{{middle}}»)"],
    "empty": ["«// only a remark»"],
}
CASES = [(category, text) for category, texts in ERRORS.items() for text in texts]


@pytest.mark.parametrize(("category", "marked"), CASES)
def test_error(category: str, marked: str, compile_el: Compile) -> None:
    parts = marked.replace("»", "«").split("«")
    with pytest.raises(ChainInvalid) as caught:
        compile_el("".join(parts))
    found = [one for one in caught.value.diagnostics if one.severity == "error"]
    assert [one.category for one in found] == [category] * (len(parts) // 2)
    for one, before in zip(found, range(1, len(parts), 2), strict=True):
        assert one.span.start == len("".join(parts[:before]))
        if parts[before]:
            assert one.span.end - one.span.start == len(parts[before])


BODIES = [
    "THEN(a)",
    "a.retry(1)",
    "a.maxWaitSeconds(1)",
    "node('a').tag('t').maxWaitSeconds(1)",
    "sub.tag('x')",
    "sub.bind('k', 'v')",
    "sub.bind('k', 'v').id('i')",
    "sub.retry(1)",
    "AND(x, y)",
    "NOT(x)",
    "x.retry(1)",
    "PRE(a)",
    "FINALLY(a)",
    "FINALLY(a).maxWaitSeconds(1)",
    "CATCH(a)",
    "SWITCH(s).DEFAULT(a)",
    "FOR(0).DO(a)",
    "a.retry(1).id('i').tag('t').maxWaitSeconds(2).retry(3, 'E')",
    "THEN(t = a, WHEN(t, u = THEN(t.tag('x'))), u)",
    "THEN(FOR(2).DO(t = THEN(a)), t)",
]


@pytest.mark.parametrize("text", BODIES)
def test_what_can_be_a_chain(text: str, compile_el: Compile) -> None:
    assert compile_el(text).found == ()


def test_all_findings_at_once(compile_el: Compile) -> None:
    text = (
        "THEN(x, WHEN(PRE(a)), FOR(2), nosuch, THEN(), a.id('i'), WHEN(b).must('c').percentage(2))"
    )
    with pytest.raises(ChainInvalid) as caught:
        compile_el(text)
    assert [one.category for one in caught.value.diagnostics] == [
        "operand_type",
        "structure",
        "structure",
        "unknown_ref",
        "arity",
        "caller_type",
        "unknown_ref",
        "range",
    ]
