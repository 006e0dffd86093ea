"""Measures a value as Temporal would keep it.

For all who check sizes before Temporal does. The limits are in `rules.sizes`, which so loads
nothing.
"""

from pydantic_core import to_json


def json_size(value: object) -> int:
    """Bytes of `value` as the data converter writes it. Raises ValueError for what is no JSON."""
    return len(to_json(value))
