"""What every operator and modifier of the language compiles to."""

from collections.abc import Callable

import pytest

from rules.compiler import ChainText, Compiled, compile_chain
from rules.plan import LoopNode, RetryNode, StepNode, SwitchNode, ThenNode, WhenNode
from tests.rules.conftest import COMPONENTS, INCLUDED
from tests.rules.shapes import shape

Compile = Callable[[str], Compiled]

BLOCKS = [
    ("THEN(a, PRE(b), FINALLY(c), d, PRE(a))", "((b) (a) a d !(c))"),
    ("THEN(FINALLY(a, b))", "(!(a b))"),
    ("THEN(THEN(a, PRE(b)), FINALLY(c))", "(((b) a) !(c))"),
    ("THEN(a, PRE(b).retry(1), FINALLY(c).retry(2))", "((b)*1 a !(c)*2)"),
    (
        "THEN(FINALLY(c).maxWaitSeconds(2), a, PRE(b).maxWaitMilliseconds(5))",
        "(<(b)>+5ms(condition-pre) a !<(c)>+2000ms(condition-finally))",
    ),
    ("THEN(a, PRE(b).maxWaitSeconds(1).retry(1))", "(<(b)>+1000ms(condition-pre)*1 a)"),
    ("THEN(a, FINALLY(b)).retry(1)", "(a !(b))*1"),
    ("THEN(a, FINALLY(b)).maxWaitSeconds(1)", "(<(a)>+1000ms(condition-then) !(b))"),
    ("first = PRE(b); THEN(a, first)", "((b) a)"),
    ("PRE(a, b)", "(a b)"),
    ("FINALLY(a).retry(1)", "(a)*1"),
    ("FOR(2).DO(PRE(a))", "for(2){(a)}"),
    ("CATCH(FINALLY(a)).DO(PRE(b))", "catch((a),(b))"),
    ("CATCH(a)", "catch(a)"),
    ("CATCH(THEN(a, b)).DO(c)", "catch((a b),c)"),
    ("CATCH(sub).DO(sub).retry(1)", "catch(sub{(a b)},sub{(a b)})*1"),
]

RETRIES = [
    ("a.retry(2)", "a*2"),
    ("a.retry(2).retry(1)", "a*5"),
    ("a.retry(-3)", "a"),
    ("a.retry(0).retry(2)", "a*2"),
    ("a.retry(2).retry(0)", "a*2"),
    ("a.retry(2147483647).retry(2147483647)", "a*2147483647"),
    ("a.retry(1, 'E', \"m.F\")", "a*1/E/m.F"),
    ("a.retry(1, 'E').retry(2, 'E')", "a*5/E"),
    ("a.retry(1, 'E').retry(2)", "a*1/E*2"),
    ("a.retry(1).retry(2, 'E')", "a*1*2/E"),
    ("THEN(a).retry(1 + 1)", "(a)*2"),
    ("THEN(a).retry(0)", "(a)"),
    ("THEN(a).retry(1).retry(2, 'E')", "(a)*1*2/E"),
    ("sub.retry(1)", "sub{(a b)}*1"),
    ("THEN(a.maxWaitSeconds(1).retry(2))", "(<a>+1000ms(a)*2)"),
    ("THEN(a.retry(2).maxWaitSeconds(1))", "(<a*2>+1000ms(a))"),
    ("a.tag('t').retry(1)", "a:t*1"),
    ("a.retry(1).tag('t')", "a*1"),
    ("a.retry(1).data('d')", "a=d*1"),
]

WHENS = [
    ("WHEN(a, b).any(true)", "(a|b)+any"),
    ("WHEN(a, b).any(true).any(false)", "(a|b)"),
    ("WHEN(a, b).any(false)", "(a|b)"),
    ("WHEN(a, b).any(true).must('b')", "(a|b)+must(1)"),
    ("WHEN(a, b).must(b).percentage(0.5)", "(a|b)+0.5"),
    ("WHEN(a, b).percentage(1).any(true)", "(a|b)+any"),
    ("WHEN(a, b).must(a).any(false)", "(a|b)"),
    ("WHEN(a, b).percentage(0)", "(a|b)+0.0"),
    ("WHEN(a, b).percentage(0.6f).ignoreError(true)", "(a|b)+0.6+ignore"),
    ("WHEN(a, b).ignoreError(true).ignoreError(false)", "(a|b)"),
    ("WHEN(a, b, a).must('a', \"b\")", "(a|b|a)+must(0,1,2)"),
    ("WHEN(a, sub, THEN(b).id('t')).must('t', sub)", "(a|sub{(a b)}|(b))+must(1,2)"),
    ("WHEN(a, THEN(b)).must('condition-then')", "(a|(b))+must(1)"),
    ("t = THEN(b).id('t'); WHEN(a, t).must(t)", "(a|(b))+must(1)"),
    (
        (
            "WHEN(a.retry(1), b.tag('x'), sub.bind('k', 'v'), THEN(c).id('c2').maxWaitSeconds(1))"
            ".must(a, 'sub', 'c2')"
        ),
        "(a*1|b:x|sub{(a[k=v] b[k=v])}|<(c)>+1000ms(c2))+must(0,2,3)",
    ),
    ("WHEN(a, sub.tag('x').id('other')).must('other')", "(a|sub{(a b)})+must(1)"),
    ("WHEN(a, node('nosuch')).must('nosuch')", "(a|standIn)+must(1)"),
]

LIMITS = [
    ("WHEN(a, sub).maxWaitSeconds(2)", "(a|sub{(a b)})+2000ms(a,sub)"),
    ("WHEN(a, IF(x, b)).maxWaitMilliseconds(7)", "(a|x?b)+7ms(a,condition-if)"),
    ("WHEN(a).maxWaitSeconds(2).maxWaitMilliseconds(7)", "(a)+7ms(a)"),
    (
        "WHEN(a).maxWaitSeconds(1).retry(1).maxWaitSeconds(2)",
        "<(a)+1000ms(a)*1>+2000ms(condition-when)",
    ),
    ("a.maxWaitSeconds(1).maxWaitMilliseconds(7)", "<a>+7ms(a)"),
    ("a.tag('t').maxWaitSeconds(1).tag('u')", "<a:t>+1000ms(a)"),
    ("a.maxWaitSeconds(1).ignoreError(true).any(true)", "<a>+any+ignore+1000ms(a)"),
    ("THEN(a).id('t').maxWaitSeconds(1).must('t')", "<(a)>+must(0)+1000ms(t)"),
    ("THEN(a).id('t').maxWaitSeconds(1).id('u').must('t')", "<(a)>+must(0)+1000ms(t)"),
    ("sub.maxWaitSeconds(1).percentage(1)", "<sub{(a b)}>+1.0+1000ms(sub)"),
    ("FOR(2).DO(a).maxWaitSeconds(1)", "<for(2){a}>+1000ms(condition-for)"),
    ("SWITCH(s).TO(a).maxWaitSeconds(1)", "<s>{a=a}>+1000ms(condition-switch)"),
]

SWITCHES = [
    ("SWITCH(s).TO(a, b.tag('t'))", "s>{a=a b:t=b:t}"),
    ("SWITCH(s.tag('h')).to(a).TO(b).DEFAULT(c)", "s:h>{a=a b=b;c}"),
    ("SWITCH(s).DEFAULT(sub)", "s>{;sub{(a b)}}"),
    (
        "SWITCH(s).TO(THEN(a), WHEN(b).id('w'), IF(x, a), CATCH(a), FOR(1).DO(a), sub.tag('t'))",
        (
            "s>{condition-then=(a) w=(b) condition-if=x?a condition-catch=catch(a) "
            "condition-for=for(1){a} sub:t=sub{(a b)}}"
        ),
    ),
    (
        (
            "SWITCH(s).TO(a.tag('t').retry(1), b.retry(1).tag('u'), sub.tag('v').retry(1), "
            "THEN(c).id('c2').tag('w').maxWaitSeconds(1))"
        ),
        "s>{a:t=a:t*1 b:u=b*1 sub:v=sub{(a b)}*1 c2:w=<(c)>+1000ms(c2)}",
    ),
    ("SWITCH(s).TO(a.bind('k', 'v'), sub.bind('k', 'v'))", "s>{a=a[k=v] sub=sub{(a[k=v] b[k=v])}}"),
    ("t = SWITCH(s); THEN(t.TO(a), t.TO(b))", "(s>{a=a} s>{b=b})"),
    ("SWITCH(node('nosuch')).TO(node('neither'))", "standInSwitch>{neither=standIn}"),
    ("SWITCH(s).TO(SWITCH(s).TO(a).id('in'), b)", "s>{in=s>{a=a} b=b}"),
]

LOOPS = [
    ("FOR(3).DO(a)", "for(3){a}"),
    ("FOR(-1).DO(a)", "for(-1){a}"),
    ("FOR(7 - 2 * 3).DO(a)", "for(1){a}"),
    ("count = 2; FOR(count).DO(a)", "for(2){a}"),
    ("FOR(n.tag('t')).DO(a)", "for(n:t){a}"),
    ("WHILE(x).DO(a)", "while(x){a}"),
    ("WHILE(true).DO(a).BREAK(y)", "while(True){a}~y"),
    ("WHILE(AND(x, NOT(y))).DO(a)", "while(and(x not(y))){a}"),
    ("ITERATOR(it).DO(THEN(a, b))", "iterator(it){(a b)}"),
    ("FOR(2).BREAK(OR(x, y)).parallel(true).DO(a)", "for+(2){a}~or(x y)"),
    ("FOR(2).DO(a).parallel(true).parallel(false)", "for(2){a}"),
    ("ITERATOR(it).DO(FOR(2).DO(WHILE(x).DO(a)))", "iterator(it){for(2){while(x){a}}}"),
    ("FOR(2).DO(a).retry(3)", "for(2){a}*3"),
    ("FOR(2).threadPool('p').DO(a)", "for(2){a}"),
]

CONDITIONS = [
    ("IF(AND(x, OR(y, NOT(x))), a)", "and(x or(y not(x)))?a"),
    ("IF(x, a).ELIF(NOT(y), b)", "x?a,not(y)?b"),
    ("NOT(NOT(x))", "not(not(x))"),
    ("AND(x, y)", "and(x y)"),
    ("THEN(a, AND(x, y))", "(a and(x y))"),
    ("OR(x.tag('t'), y.data('d')).id('o').tag('u')", "or(x:t y=d)"),
    ("x.retry(1)", "x*1"),
    ("THEN(s.maxWaitSeconds(1))", "(<s>+1000ms(s))"),
]

REFERENCES = [
    ("THEN(node('a'), NODE(\"b\"))", "(a b)"),
    ("a = THEN(b); THEN(node('a'), a)", "(a (b))"),
    ("name = 'a'; THEN(node(name).tag('t'))", "(a:t)"),
    ("THEN(node('no' + 'such').tag('t'))", "(standIn:t)"),
    ("node('a').maxWaitSeconds(4)", "<a>+4000ms(a)"),
    ("node('nosuch').retry(2)", "standIn*2"),
    ("gone = node('nosuch'); SWITCH(gone).TO(gone)", "standInSwitch>{nosuch=standIn}"),
    ("IF(node('x'), node('a'))", "x?a"),
]

BINDS = [
    ("THEN(a.bind('k', 'v'), b)", "(a[k=v] b)"),
    ("THEN(a.bind('k', 'in'), b).bind('k', 'out')", "(a[k=in] b[k=out])"),
    ("THEN(a.bind('k', 'in'), b).bind('k', 'out', true)", "(a[k=out] b[k=out])"),
    ("THEN(a.bind('k', 'in'), b).bind('k', 'out', false)", "(a[k=in] b[k=out])"),
    ("THEN(a.bind('k', ' '), b).bind('k', 'out')", "(a[k=out] b[k=out])"),
    ("THEN(THEN(a).bind('j', '1')).bind('k', '2')", "((a[k=2,j=1]))"),
    ("THEN(a.bind('k', '1').bind('k', '2'))", "(a[k=2])"),
    ("THEN(a.bind('k', '1').bind('k', ''))", "(a)"),
    ("THEN(a.bind('k', '1', true).bind('k', '2'))", "(a[k=2])"),
    ("THEN(a.bind('k', '1').retry(1).bind('k', '2'))", "(a[k=1]*1)"),
    ("THEN(a.retry(1).bind('k', '2'))", "(a[k=2]*1)"),
    ("THEN(a.maxWaitSeconds(1).bind('k', '2'))", "(<a[k=2]>+1000ms(a))"),
    ("WHEN(a).bind('k', '1').maxWaitSeconds(1).bind('k', '2')", "(a[k=2])+1000ms(a)"),
    (
        "THEN(a).bind('k', '1').maxWaitSeconds(1).bind('k', '2', true)",
        "<(a[k=2])>+1000ms(condition-then)",
    ),
    ("IF(x, a).bind('k', 'v').ELSE(b)", "x[k=v]?a[k=v],b[k=v]"),
    ("SWITCH(s).bind('k', 'v').TO(a).DEFAULT(b)", "s[k=v]>{a=a[k=v];b[k=v]}"),
    ("FOR(n).DO(a).BREAK(x).bind('k', 'v')", "for(n[k=v]){a[k=v]}~x[k=v]"),
    ("THEN(sub.bind('k', 'v'), sub)", "(sub{(a[k=v] b[k=v])} sub{(a b)})"),
    ("THEN(sub.bind('k', 'v', true), sub)", "(sub{(a[k=v] b[k=v])} sub{(a b)})"),
    ("sub.bind('k', '${order.id}')", "sub{(a[k=${order.id}] b[k=${order.id}])}"),
    ("THEN(PRE(a), FINALLY(b)).bind('k', 'v')", "((a[k=v]) !(b[k=v]))"),
]

GIVEN = [
    ("FOR(n).DO(a).BREAK(x).data('d')", "for(n=d){a=d}~x=d"),
    ("FOR(n).data('d').DO(a)", "for(n=d){a}"),
    ("CATCH(a).DO(b).data('d')", "catch(a=d,b=d)"),
    ("SWITCH(s).TO(a.data('in')).DEFAULT(b).data('d')", "s=d>{a=a=d;b=d}"),
    ("THEN(sub.data('d'), sub)", "(sub{(a=d b=d)} sub{(a b)})"),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *BLOCKS,
        *RETRIES,
        *WHENS,
        *LIMITS,
        *SWITCHES,
        *LOOPS,
        *CONDITIONS,
        *REFERENCES,
        *BINDS,
        *GIVEN,
    ],
)
def test_plan(text: str, expected: str, compile_el: Compile) -> None:
    body = f"THEN({text})" if text.startswith(("a.", "x.", "sub.", "node(")) else text
    plan = compile_el(body).plan
    around = f"({expected})" if body != text else expected
    assert shape(plan.root) == around
    assert type(plan).model_validate_json(plan.model_dump_json()) == plan


def test_ids_and_tags_stay_with_their_nodes(compile_el: Compile) -> None:
    def root(text: str) -> object:
        node = compile_el(f"{text}.id('i').tag('t')").plan.root
        assert not isinstance(node, StepNode | RetryNode)
        return type(node), getattr(node, "id", None), node.tag

    assert root("PRE(a)") == (ThenNode, "i", "t")
    assert root("a.maxWaitSeconds(1)") == (WhenNode, "i", "t")
    assert root("SWITCH(s).TO(a)") == (SwitchNode, "i", "t")
    assert root("FOR(2).DO(a)") == (LoopNode, "i", "t")


def test_a_limit_for_every_when() -> None:
    def compiled(text: str) -> str:
        chains = {**INCLUDED, "main": ChainText("main", text), "wide": ChainText("wide", "WHEN(b)")}
        plan = compile_chain("main", chains=chains, components=COMPONENTS, when_max_wait=9).plan
        return shape(plan.root)

    assert compiled("THEN(WHEN(a, THEN(b).id('t')), wide)") == "((a|(b))+9ms(a,t) wide{(b)+9ms(b)})"
    assert compiled("WHEN(a).maxWaitSeconds(1).any(true)") == "(a)+any+1000ms(a)"
    assert compiled("THEN(a.maxWaitSeconds(1), b)") == "(<a>+1000ms(a) b)"
