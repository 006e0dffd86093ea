"""Where the golden chains of the offline commands are."""

from pathlib import Path

GOLDEN = Path(__file__).parents[2] / "golden" / "cli"
CHAINS = GOLDEN / "chains"
COMPONENTS = GOLDEN / "components.json"
