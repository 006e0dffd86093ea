"""What tells a repeated start from another one under the same id.

For whoever starts executions: the API, and the steps that run chains, on both runtimes. Pure.
"""

import json
from hashlib import sha256

from pydantic import JsonValue


def request_sha(chain: str, request: JsonValue) -> str:
    """SHA-256 in hex of a chain's name and a request; the order of the request's keys is free."""
    canonical = json.dumps(
        {"chain": chain, "request": request}, sort_keys=True, separators=(",", ":")
    )
    return sha256(canonical.encode()).hexdigest()
