"""The table of sagas that cover every operator and modifier, alone and nested in each other.

For both runtimes and for the recording of histories.
"""

from tests.workflows.cases import Case
from tests.workflows.operators_blocks import BLOCKS
from tests.workflows.operators_calls import CALLS
from tests.workflows.operators_choices import CHOICES
from tests.workflows.operators_nested import NESTED

CASES: dict[str, Case] = {**BLOCKS, **CHOICES, **NESTED, **CALLS}
