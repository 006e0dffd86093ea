"""Which function lowers which row of the table of operators; every row is here once.

For the compiler. `node` alone has none: the checks put a component in its place.
"""

from typing import Final

from rules.lower import functions, modifiers
from rules.lower.lowering import Rows
from rules.lower.scope import scope_bind, scope_data

ROWS: Final = Rows(
    functions={
        "THEN": functions.lower_then,
        "WHEN": functions.lower_when,
        "PRE": functions.lower_block,
        "FINALLY": functions.lower_block,
        "IF": functions.lower_if,
        "SWITCH": functions.lower_switch,
        "AND": functions.lower_logic,
        "OR": functions.lower_logic,
        "NOT": functions.lower_logic,
        "FOR": functions.lower_loop,
        "WHILE": functions.lower_loop,
        "ITERATOR": functions.lower_loop,
        "CATCH": functions.lower_catch,
    },
    modifiers={
        "ELIF": modifiers.lower_elif,
        "ELSE": modifiers.lower_else,
        "TO": modifiers.lower_to,
        "DEFAULT": modifiers.lower_default,
        "DO": modifiers.lower_do,
        "BREAK": modifiers.lower_break,
        "parallel": modifiers.lower_parallel,
        "any": modifiers.lower_any,
        "must": modifiers.lower_must,
        "percentage": modifiers.lower_percentage,
        "ignoreError": modifiers.lower_ignore_error,
        "id": modifiers.lower_id,
        "tag": modifiers.lower_tag,
        "retry": modifiers.lower_retry,
        "maxWaitSeconds": modifiers.lower_max_wait,
        "maxWaitMilliseconds": modifiers.lower_max_wait,
        "threadPool": modifiers.lower_thread_pool,
    },
    scopes={"data": scope_data},
    objects={"bind": scope_bind},
)
