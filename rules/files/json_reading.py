"""Reads LiteFlow's JSON.

For `reading`. The standard library says whether it is JSON; what is read again here are the lines,
which it does not give.
"""

import json
import re
from bisect import bisect_right
from typing import Final

from rules.files.entries import Pages
from rules.files.trees import Fields, Items, Scalar, TreeBuilder, read_tree

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\]:,"]+')


def read_json(data: bytes, pages: Pages) -> None:
    """Note the entries of the file, and what is wrong with it."""
    try:
        text = data.decode(json.detect_encoding(data))
        json.loads(text)
    except json.JSONDecodeError as error:
        what = f"this is no JSON: {error.msg} (column {error.colno})"
        pages.wrong("syntax", what, error.lineno, "mend the JSON")
        return
    except UnicodeDecodeError as error:
        what = f"the text cannot be decoded: {error}"
        pages.wrong("syntax", what, 1, "save the file as UTF-8")
        return
    except RecursionError:
        pages.wrong("syntax", "the JSON is nested too deeply", 1, "a rule file has five levels")
        return
    builder = TreeBuilder(pages)
    _tokens(text, builder)
    if builder.root is not None:
        read_tree(builder.root, pages)


def _tokens(text: str, builder: TreeBuilder) -> None:
    """Hand over what stands in a text that is known to be JSON."""
    breaks = [match.start() for match in re.finditer("\n", text)]
    for match in _TOKEN.finditer(text):
        token, line = match.group(), bisect_right(breaks, match.start()) + 1
        match token[0]:
            case "{":
                builder.begin(Fields(line, {}))
            case "[":
                builder.begin(Items(line, []))
            case "}" | "]":
                builder.end()
            case '"':
                builder.scalar(Scalar(json.loads(token), line))
            case _:
                builder.scalar(Scalar(None if token == "null" else token, line))
