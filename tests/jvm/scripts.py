"""Chains and scripts for the tests of the JVM worker, as rows of the rule tables have them."""

import re
from typing import Final

from dev.stack import ROOT

CHAINS: Final = {
    "documented": "THEN(price, IF(isLarge, FOR(parcels).DO(count)),"
    " SWITCH(carrier).TO(byAir, byRoad));",
    "every": "THEN(ITERATOR(lines).DO(THEN(total, IF(isDear, dear))), FOR(times).DO(count),"
    ' SWITCH(which).TO(few, many.tag("m")), WHILE(more).DO(count).BREAK(isNine), answer);',
    "undone": "THEN(book, broken);",
    "refused": "THEN(book, sold);",
    "bound": 'THEN(told.tag("t").data("{\\"n\\": 7}").bind("k", "v"));',
    "ends": "THEN(finish, broken);",
    "endless": "THEN(book, endless);",
    "lasting": "THEN(lasting);",
    "untyped": "THEN(untyped);",
    "mixed": "THEN(book, here, addUp);",
    "retried": 'THEN(flaky.retry(2, "java.lang.IllegalStateException"));',
}

PAGE: Final = ROOT / "docs" / "jvm-scripts.md"
DOCUMENTED: Final = {
    id: (type, language, text)
    for id, type, language, text in re.findall(
        r"#### `(\w+)` \(`(\w+)`, `(\w+)`\)\n\n```\w+\n(.*?)```\n", PAGE.read_text(), re.DOTALL
    )
}

# Id -> type, language, text.
SCRIPTS: Final = {
    **DOCUMENTED,
    "byAir": ("script", "groovy", "'air'"),
    "byRoad": ("script", "groovy", "'road'"),
    "lines": ("iterator_script", "groovy", "return _meta.requestData.lines"),
    "total": (
        "script",
        "qlexpress",
        "line = _meta.loopObject;\ndefaultContext.add('total', line.price * line.quantity);",
    ),
    "isDear": ("boolean_script", "qlexpress", "_meta.loopObject.price > 10"),
    "dear": (
        "script",
        "java",
        """\
import com.yomahub.liteflow.script.ScriptExecuteWrap;
import com.yomahub.liteflow.script.body.JaninoCommonScriptBody;
import com.yomahub.liteflow.slot.DefaultContext;
import java.util.Map;

public class Dear implements JaninoCommonScriptBody {
    public Void body(ScriptExecuteWrap wrap) {
        DefaultContext context = (DefaultContext) wrap.cmp.getFirstContextBean();
        context.append("dear", ((Map) wrap.loopObject).get("item"));
        return null;
    }
}
""",
    ),
    "times": (
        "for_script",
        "java",
        """\
java.util.Map request = (java.util.Map) _meta.requestData;
return Integer.valueOf(((java.util.List) request.get("lines")).size());
""",
    ),
    "count": ("script", "groovy", "defaultContext.add('count', 1)"),
    "which": (
        "switch_script",
        "groovy",
        "defaultContext.getData('total') > 40 ? 'tag:m' : 'few'",
    ),
    "few": ("script", "qlexpress", "defaultContext.setData('which', 'few')"),
    "many": ("script", "qlexpress", "defaultContext.setData('which', 'many')"),
    "more": ("boolean_script", "java", "return Boolean.valueOf(_meta.loopIndex.intValue() < 9);"),
    "isNine": ("boolean_script", "groovy", "defaultContext.getData('count') == 9"),
    "answer": ("script", "groovy", "[by: 'groovy', of: _meta.cmp.chainId, at: 1.5]"),
    "book": ("script", "java", 'return java.util.Collections.singletonMap("seat", _meta.tag);'),
    "bookCompensate": (
        "script",
        "groovy",
        """\
def u = _meta.undo
assert u.component == 'book' && u.outcome == 'COMPLETED' && u.output.containsKey('seat')
assert u.key.endsWith('/0.0/forward') && _meta.key.endsWith('/0.0/undo') && _meta.cmp.rollback
""",
    ),
    "broken": (
        "script",
        "groovy",
        "defaultContext.setData('begun', true)\n\nthrow new IllegalStateException('no engine')",
    ),
    "sold": ("script", "qlexpress", "_meta.cmp.refuse('sold out', 'SOLD_OUT')"),
    "told": (
        "script",
        "qlexpress",
        "c = _meta.cmp;\n[_meta.cmpData.n, c.getBindData('k'), c.getTag(), c.getCurrChainId()]",
    ),
    "finish": ("script", "java", "_meta.cmp.setIsEnd(true);"),
    "endless": ("script", "java", "while (true) {}"),
    "lasting": (
        "script",
        "groovy",
        """\
def gate = new File(_meta.requestData.gate)
new File(gate, 'entered') << 'x'
while (!new File(gate, 'open').exists()) { Thread.sleep(20) }
new File(gate, 'entered').length()
""",
    ),
    "untyped": ("script", "java", "int x = 1;\nString y = x;"),
    "here": ("script", "python", "defaultContext.setData('here', [1, 2.5, 'é'])"),
    "addUp": ("script", "groovy", "defaultContext.getData('here').collect { it.toString() }"),
    "flaky": ("script", "qlexpress", "throw new IllegalArgumentException('again');"),
}
