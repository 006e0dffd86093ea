"""Rule files of others, and what each means or what is said of it."""

from collections.abc import Mapping

import pytest

from rules.files.definitions import ChainDefinition, Definitions, NodeDefinition, Place
from rules.files.problems import RuleFileInvalid
from rules.files.reading import duplicates, read_definitions

XML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE flow PUBLIC "liteflow" "http://localhost:1/liteflow.dtd">
<flow>
  <!-- nodes may also come from a scan -->
  <nodes>
    <node id="pay" class="com.shop.Pay"/>
    <node id="isVip" name="VIP?" type="if_script" language="groovy">
      <![CDATA[
        if (amount < 10 && vip) {
          return true
        }
      ]]>
    </node>
    <node id="pick" type="switch_script" file="scripts/pick.js" language="js" enable="false"/>
  </nodes>
  <chain name="order" thread-pool-executor-class="com.shop.Pool">
    THEN(
      createOrder, // first
      pay<!-- the card -->
    );
  </chain>
  <chain id="vip" namespace="routes">
    <route>isVip</route>
    <body><![CDATA[THEN(pay)]]></body>
  </chain>
  <chain id="alone"><body>THEN(pay)</body></chain>
  <chain id="child" extends="template" enable="FALSE">{{0}} = pay;</chain>
  <chain id="same" extends="order"/>
</flow>
"""
JSON = """{"flow": {
  "nodes": {"node": [
    {"id": "pay", "class": "com.shop.Pay", "name": null},
    {"id": "isVip", "name": "VIP?", "type": "boolean_script", "language": "groovy",
     "value": "if (amount < 10 && vip) {\\n  return true\\n}"},
    {"id": "pick", "type": "switch_script", "file": "scripts/pick.js", "language": "js",
     "enable": false}
  ]},
  "chain": [
    {"name": "order", "value": "THEN(\\n  createOrder, // first\\n  pay\\n);",
     "threadPoolExecutorClass": "com.shop.Pool"},
    {"id": "vip", "namespace": "routes", "route": "isVip", "value": "THEN(pay)"},
    {"id": "alone", "body": "THEN(pay)"},
    {"id": "child", "extends": "template", "enable": false, "value": "{{0}} = pay;"},
    {"id": "same", "extends": "order", "value": ""}
  ]
}}
"""
YAML = """# as a team keeps it
flow:
  nodes:
    node:
      - id: pay
        class: com.shop.Pay
        name:
      - {id: isVip, name: "VIP?", type: boolean_script, language: groovy,
         value: "if (amount < 10 && vip) {\\n  return true\\n}"}
      - id: pick
        type: switch_script
        file: scripts/pick.js
        language: js
        enable: false
  chain:
    - name: order
      thread-pool-executor-class: com.shop.Pool
      value: |
        THEN(
          createOrder, // first
          pay
        );
    - id: vip
      namespace: routes
      route: isVip
      body: THEN(pay)
    - id: alone
      value: THEN(pay)
    - id: child
      extends: template
      enable: False
      value: "{{0}} = pay;"
    - id: same
      extends: order
"""
MEANT = Definitions(
    (
        ChainDefinition(id="order", text="THEN(\n  createOrder, // first\n  pay\n);"),
        ChainDefinition(id="vip", namespace="routes", route="isVip", text="THEN(pay)"),
        ChainDefinition(id="alone", text="THEN(pay)"),
        ChainDefinition(id="child", extends="template", enabled=False, text="{{0}} = pay;"),
        ChainDefinition(id="same", extends="order", text=""),
    ),
    (
        NodeDefinition(id="pay", class_name="com.shop.Pay"),
        NodeDefinition(
            id="isVip",
            name="VIP?",
            type="boolean_script",
            language="groovy",
            script="if (amount < 10 && vip) {\n  return true\n}",
        ),
        NodeDefinition(
            id="pick", type="switch_script", language="js", script="return 'a'", enabled=False
        ),
    ),
)
FILES = {"scripts/pick.js": "  return 'a'\n"}


def read(name: str, text: str | bytes, files: Mapping[str, str] = FILES) -> Definitions:
    return read_definitions(name, text if isinstance(text, bytes) else text.encode(), files.get)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("flow.el.xml", XML, 16),
        ("FLOW.JSON", JSON, 10),
        ("flow.yml", YAML, 16),
        ("f.yaml", YAML, 16),
    ],
)
def test_one_flow_in_three_formats(name: str, text: str, line: int) -> None:
    found = read(name, text)
    assert found == MEANT
    assert found.chains[0].place == Place(name, line)
    (remark,) = found.remarks
    assert remark.place == Place(name, line)
    assert "chain 'order': thread-pool-executor-class means nothing here" in str(remark)


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
@pytest.mark.parametrize(("name", "text"), [("f.xml", XML), ("f.json", JSON), ("f.yaml", YAML)])
def test_line_ends_of_other_systems(name: str, text: str, line_end: str) -> None:
    assert read(name, text.replace("\n", line_end)) == MEANT


ENCODED = [
    ("f.xml", "<flow><chain id='订单'>THEN(支付)</chain></flow>", "utf-8-sig"),
    ("f.xml", "<flow><chain id='订单'>THEN(支付)</chain></flow>", "utf-16"),
    (
        "f.xml",
        "<?xml version='1.0' encoding='GBK'?><flow><chain id='订单'>THEN(支付)</chain></flow>",
        "gbk",
    ),
    ("f.json", '{"flow": {"chain": [{"id": "订单", "value": "THEN(支付)"}]}}', "utf-8-sig"),
    ("f.json", '{"flow": {"chain": [{"id": "订单", "value": "THEN(支付)"}]}}', "utf-16"),
    ("f.yml", "flow: {chain: [{id: 订单, value: THEN(支付)}]}", "utf-8-sig"),
]


@pytest.mark.parametrize(("name", "text", "encoding"), ENCODED)
def test_encodings(name: str, text: str, encoding: str) -> None:
    (chain,) = read(name, text.encode(encoding)).chains
    assert chain == ChainDefinition(id="订单", text="THEN(支付)")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.xml", "<flow/>"),
        ("f.xml", "<flow><nodes/></flow>"),
        ("f.json", '{"flow": {}}'),
        ("f.json", '{"flow": {"nodes": null, "chain": []}}'),
        ("f.yml", "flow:\n  chain:\n"),
        ("f.yml", "flow:"),
    ],
)
def test_files_that_define_nothing(name: str, text: str) -> None:
    assert read(name, text) == Definitions()


def x(inside: str) -> str:
    return f"<flow>\n{inside}\n</flow>"


def j(chain: str) -> str:
    return '{"flow": {"chain": [\n' + chain + "\n]}}"


# What stands in the file, and what is said of it: place, category, words and the mend.
WRONG: list[tuple[str, str | bytes, str, str, str]] = [
    ("f.xml", "", "f.xml:1", "syntax", "no element found"),
    ("f.xml", x("<chain id='a'>THEN(a)"), "f.xml:3", "syntax", "mismatched tag"),
    ("f.xml", x("<chain id='a'>a < b</chain>"), "f.xml:2", "syntax", "CDATA"),
    ("f.xml", b"<?xml version='1.0' encoding='nope'?><flow/>", "f.xml:1", "syntax", "UTF-8"),
    ("f.xml", b"<flow>\xff</flow>", "f.xml:1", "syntax", "mend the XML"),
    ("f.xml", "<beans/>", "f.xml:1", "syntax", "begins with <flow>"),
    ("f.xml", x("THEN(a)"), "f.xml:1", "syntax", "'THEN(a)' stands beside"),
    ("f.xml", x("<chian id='a'>THEN(a)</chian>"), "f.xml:2", "unknown_part", "'chain'?"),
    ("f.xml", x("<nodes><nod id='a'/></nodes>"), "f.xml:2", "unknown_part", "'node'?"),
    ("f.xml", x("<chain id='a'><bodi/></chain>"), "f.xml:2", "unknown_part", "'body'?"),
    (
        "f.xml",
        x("<chain id='a'><body>T<b/></body></chain>"),
        "f.xml:2",
        "unknown_part",
        "take it out",
    ),
    ("f.xml", x("<chain id='a' extend='b'/>"), "f.xml:2", "unknown_part", "'extends'?"),
    ("f.xml", x("<chain id='a'><then value='b'/></chain>"), "f.xml:2", "old_format", "WHEN(b, c)"),
    ("f.xml", x("<chain>THEN(a)</chain>"), "f.xml:2", "missing_id", "give it an id"),
    ("f.xml", x("<chain id='  '>THEN(a)</chain>"), "f.xml:2", "missing_id", "give it an id"),
    ("f.xml", x("<chain id=' a'>THEN(a)</chain>"), "f.xml:2", "bad_value", "blanks around"),
    ("f.xml", x(f"<chain id='{'a' * 129}'>T</chain>"), "f.xml:2", "bad_value", "at most 128"),
    ("f.xml", x("<chain id='a'> </chain>"), "f.xml:2", "missing_text", "THEN(a, b)"),
    (
        "f.xml",
        x("<chain id='a'>\n<route>r</route></chain>"),
        "f.xml:2",
        "missing_body",
        "when the route matches",
    ),
    (
        "f.xml",
        x("<chain id='a'><route/><body>b</body></chain>"),
        "f.xml:2",
        "missing_text",
        "take the route out",
    ),
    ("f.xml", x("<chain id='a'>T<body>b</body></chain>"), "f.xml:2", "syntax", "leave one"),
    (
        "f.xml",
        x("<chain id='a'><body>a</body><body>b</body></chain>"),
        "f.xml:2",
        "syntax",
        "a second <body>",
    ),
    ("f.xml", x("<chain id='a' enable='no'>T</chain>"), "f.xml:2", "bad_value", "true or false"),
    (
        "f.xml",
        x("<chain id='a' transactional='1'>T</chain>"),
        "f.xml:2",
        "bad_value",
        "true or false",
    ),
    (
        "f.xml",
        x("<chain id='a' undo-policy='no'>T</chain>"),
        "f.xml:2",
        "bad_value",
        "stop or continue",
    ),
    (
        "f.xml",
        x("<chain id='a'>T</chain>\n<chain name='a'>U</chain>"),
        "f.xml:3",
        "duplicate_chain",
        "already defined in f.xml:2",
    ),
    (
        "f.xml",
        x("<chain id='a' enable='false'>T</chain>\n<chain id='a' namespace='default'>U</chain>"),
        "f.xml:3",
        "duplicate_chain",
        "already defined in f.xml:2",
    ),
    (
        "f.xml",
        x("<nodes><node id='a' class='A'/>\n<node id='a' class='B'/></nodes>"),
        "f.xml:3",
        "duplicate_node",
        "already defined in f.xml:2",
    ),
    ("f.xml", x("<nodes><node class='A'/></nodes>"), "f.xml:2", "missing_id", "give it an id"),
    ("f.xml", x("<nodes><node id='a'/></nodes>"), "f.xml:2", "unknown_type", "neither a type"),
    (
        "f.xml",
        x("<nodes><node id='a' type='comon'/></nodes>"),
        "f.xml:2",
        "unknown_type",
        "'common'?",
    ),
    ("f.xml", x("<nodes><node id='a' type='zz'/></nodes>"), "f.xml:2", "unknown_type", "types are"),
    (
        "f.xml",
        x("<nodes><node id='a' type='common'>x = 1</node></nodes>"),
        "f.xml:2",
        "unknown_type",
        "is no script",
    ),
    (
        "f.xml",
        x("<nodes><node id='a' type='script'/></nodes>"),
        "f.xml:2",
        "missing_text",
        "name its file",
    ),
    (
        "f.xml",
        x("<nodes><node id='a' type='script' file='b.js'/></nodes>"),
        "f.xml:2",
        "missing_file",
        "beside the rule file",
    ),
    (
        "f.xml",
        '<!DOCTYPE flow [<!ENTITY a "b">]>\n<flow><chain id="a">&a;</chain></flow>',
        "f.xml:1",
        "unsafe",
        "the entity 'a' is not read",
    ),
    (
        "f.xml",
        '<!DOCTYPE flow [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n<flow/>',
        "f.xml:1",
        "unsafe",
        "the entity 'a' is not read",
    ),
    (
        "f.xml",
        '<!DOCTYPE flow SYSTEM "liteflow.dtd">\n<flow>\n<chain id="a">&b;</chain></flow>',
        "f.xml:3",
        "unsafe",
        "the entity 'b' is not read",
    ),
    ("f.json", "", "f.json:1", "syntax", "no JSON"),
    ("f.json", '{"flow":\n}', "f.json:2", "syntax", "column 1"),
    ("f.json", "[" * 200_000, "f.json:1", "syntax", "too deeply"),
    ("f.json", b'{"flow": "\xff"}', "f.json:1", "syntax", "UTF-8"),
    ("f.json", "[]", "f.json:1", "syntax", "no 'flow'"),
    ("f.json", "{}", "f.json:1", "syntax", "no 'flow'"),
    ("f.json", '{"flow": []}', "f.json:1", "syntax", "'flow' is no object"),
    ("f.json", '{"flow": {"chains": []}}', "f.json:1", "unknown_part", "'chain'?"),
    ("f.json", '{"flow": {"nodes": {"nod": []}}}', "f.json:1", "unknown_part", "'node'?"),
    ("f.json", '{"flow": {"chain":\n{"id": "a"}}}', "f.json:2", "syntax", "'chain' is no list"),
    ("f.json", j('"a"'), "f.json:2", "syntax", "a chain is an object"),
    ("f.json", j('{"id": "a",\n "value": ["T"]}'), "f.json:3", "bad_value", "no text"),
    ("f.json", j('{"id": "a", "vale": "T"}'), "f.json:2", "unknown_part", "'value'?"),
    ("f.json", j('{"id": "a", "value": "T",\n"value": "U"}'), "f.json:3", "syntax", "twice"),
    ("f.json", j('{"id": "a", "route": "r"}'), "f.json:2", "missing_body", "no body"),
    ("f.json", j('{"value": "T"}'), "f.json:2", "missing_id", "give it an id"),
    ("f.json", j('{"id": "a", "value": null}'), "f.json:2", "missing_text", "no text"),
    (
        "f.json",
        j('{"id": "a", "value": "T"},\n{"id": "a", "value": "U"}'),
        "f.json:3",
        "duplicate_chain",
        "already defined in f.json:2",
    ),
    ("f.yml", "", "f.yml:1", "syntax", "empty"),
    ("f.yml", "flow:\n  chain: [", "f.yml:2", "syntax", "no YAML"),
    ("f.yml", "flow:\n\tchain: 1", "f.yml:2", "syntax", "no YAML"),
    ("f.yml", "flow: {}\n---\nflow: {}", "f.yml:2", "syntax", "several documents"),
    ("f.yml", b"flow: \xff", "f.yml:1", "syntax", "UTF-8"),
    ("f.yml", "flow: \x01", "f.yml:1", "syntax", "no YAML"),
    ("f.yml", "- a", "f.yml:1", "syntax", "no 'flow'"),
    (
        "f.yml",
        "flow:\n  chain:\n  - &a {id: a, value: T}\n  - *a",
        "f.yml:4",
        "unsafe",
        "write out what it stands for",
    ),
    (
        "f.yml",
        "flow:\n  chain:\n  - {id: a, value: T}\n  - id: a\n    value: U",
        "f.yml:4",
        "duplicate_chain",
        "already defined in f.yml:3",
    ),
    ("f.yml", "flow: {? [a] : b}", "f.yml:1", "unknown_part", "there is: nodes, chain"),
    ("f.txt", "THEN(a)", "f.txt:1", "syntax", ".xml, .json, .yml or .yaml"),
]


@pytest.mark.parametrize(
    ("name", "text", "place", "category", "words"),
    WRONG,
    ids=[f"{n}: {str(t)[:50]}" for n, t, *_ in WRONG],
)
def test_what_is_wrong_is_told(
    name: str, text: str | bytes, place: str, category: str, words: str
) -> None:
    with pytest.raises(RuleFileInvalid) as caught:
        read(name, text, {})
    (problem,) = caught.value.problems
    assert (str(problem.place), problem.category) == (place, category)
    assert words in str(problem)


def test_everything_that_is_wrong_is_told_at_once_in_the_files_order() -> None:
    with pytest.raises(RuleFileInvalid) as caught:
        read("f.xml", x("<chain>T</chain>\n<nodes><node id='b' type='z'/></nodes>\n<chian/>"), {})
    assert [str(problem.place) for problem in caught.value.problems] == [
        "f.xml:2",
        "f.xml:3",
        "f.xml:4",
    ]


def test_a_property_of_nobody_is_read_over() -> None:
    found = read("f.xml", x("<chain id='a' author='ann'>THEN(b)</chain>"))
    assert found.chains == (ChainDefinition(id="a", text="THEN(b)"),)
    assert [str(one) for one in found.remarks] == [
        "f.xml:2: note: <chain>: 'author' means nothing here"
    ]


def test_a_chain_may_be_in_two_namespaces() -> None:
    found = read("f.xml", x("<chain id='a'>T</chain><chain id='a' namespace='vip'>U</chain>"))
    assert len(found.chains) == 2
    assert duplicates(found) == ()
    (problem,) = duplicates(found, "vip")
    assert problem.category == "duplicate_chain"


def test_entities_of_xml_itself_are_read() -> None:
    (chain,) = read(
        "f.xml", x("<chain id='a&amp;b'>THEN(a.tag(&quot;&#20013;&quot;))</chain>")
    ).chains
    assert chain == ChainDefinition(id="a&b", text='THEN(a.tag("中"))')
