"""What the models of `rules.plan` are made of: pydantic, or `rules.plain` where that was chosen.

Knows no model.
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING or "rules.plain" not in sys.modules:
    from pydantic import BaseModel, ConfigDict, Field
else:
    from rules.plain import BaseModel, ConfigDict, Field

__all__ = ["BaseModel", "ConfigDict", "Field"]
