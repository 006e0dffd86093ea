"""Where the next page of chains, components or versions begins, as callers hand it back.

For the configuration service.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from activities.mirror.views import BadCursor
from rules.config.rows import After

LONGEST: Final = 9
"""Digits of a version."""


def cursor_of(after: After) -> str:
    """The opaque form of a row."""
    return urlsafe_b64encode(json.dumps(after).encode()).decode()


def read_cursor(cursor: str) -> After:
    """The row that a page ended with. Raises BadCursor."""
    try:
        given = json.loads(urlsafe_b64decode(cursor.encode()))
    except ValueError as error:
        raise BadCursor(cursor) from error
    if not isinstance(given, list) or len(given) != len(After._fields):
        raise BadCursor(cursor)
    if not all(isinstance(part, str) for part in given):
        raise BadCursor(cursor)
    return After(*given)


def read_version(cursor: str) -> int:
    """The version that a page ended with. Raises BadCursor."""
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= LONGEST):
        raise BadCursor(cursor)
    return int(cursor)
