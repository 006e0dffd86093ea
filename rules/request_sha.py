"""The hash of a start: what tells a repeated one from another one under the same id. Pure."""

import json
from hashlib import sha256

from pydantic import JsonValue


def request_sha(chain: str, request: JsonValue) -> str:
    """What tells a repeated start from another one under the same id."""
    canonical = json.dumps(
        {"chain": chain, "request": request}, sort_keys=True, separators=(",", ":")
    )
    return sha256(canonical.encode()).hexdigest()
