"""A plan in a few characters, for tables of cases.

`a:t` has the tag t, `a=d` data, `a[k=v]` bound values, `a*2` two more attempts (`a*2/E` for the
type E). `(a b)` one after the other, with `!f` at last; `(a|b)` side by side; `<a>` a block with
a limit. A WHEN is followed by what it says: `+any`, `+must(0,2)`, `+0.5`, `+ignore`, `+5ms(a,b)`.
`x?a,b` asks; `s>{id:tag=a ...;default}` chooses; `for(n){body}~break` goes round; `catch(a,h)`;
`sub{...}` is a chain. Ids and tags of expressions are left out.
"""

from rules.plan import (
    CatchNode,
    ChainNode,
    IfNode,
    LogicNode,
    LoopNode,
    NodeRetry,
    PlanNode,
    RetryNode,
    StepNode,
    SwitchNode,
    Target,
    ThenNode,
    WhenNode,
)


def shape(node: PlanNode) -> str:
    match node:
        case StepNode():
            return _step(node)
        case ThenNode():
            items = [shape(item) for item in node.items]
            return f"({' '.join([*items, *(f'!{shape(item)}' for item in node.last or ())])})"
        case WhenNode():
            items = [shape(item) for item in node.items]
            around = f"<{items[0]}>" if node.wraps else f"({'|'.join(items)})"
            return around + _when(node)
        case IfNode():
            otherwise = f",{shape(node.otherwise)}" if node.otherwise else ""
            return f"{shape(node.test)}?{shape(node.then)}{otherwise}"
        case ChainNode():
            return f"{node.chain}{{{shape(node.body)}}}"
        case SwitchNode():
            default = f";{shape(node.default)}" if node.default else ""
            return f"{shape(node.head)}>{{{' '.join(map(_target, node.targets))}{default}}}"
        case LoopNode():
            head = node.head if isinstance(node.head, bool | int) else shape(node.head)
            until = f"~{shape(node.until)}" if node.until else ""
            op = node.op + ("+" if node.parallel else "")
            return f"{op}({head}){{{shape(node.body)}}}{until}"
        case CatchNode():
            handler = f",{shape(node.handler)}" if node.handler else ""
            return f"catch({shape(node.body)}{handler})"
        case LogicNode():
            return f"{node.op}({' '.join(shape(item) for item in node.items)})"
        case RetryNode():
            return shape(node.body) + _retry(NodeRetry(times=node.times, types=node.types))


def _step(node: StepNode) -> str:
    text = node.component + (f":{node.tag}" if node.tag else "")
    text += f"={node.data}" if node.data else ""
    if node.bind:
        text += f"[{','.join(f'{key}={value}' for key, value in node.bind.items())}]"
    return text + (_retry(node.retry) if node.retry else "")


def _retry(retry: NodeRetry) -> str:
    return "/".join([f"*{retry.times}", *retry.types])


def _when(node: WhenNode) -> str:
    text = "+any" if node.any else ""
    text += f"+must({','.join(map(str, node.must))})" if node.must is not None else ""
    text += f"+{node.percentage}" if node.percentage is not None else ""
    text += "+ignore" if node.ignore_error else ""
    return text + (f"+{node.max_wait}ms({','.join(node.names or ())})" if node.max_wait else "")


def _target(target: Target) -> str:
    tag = f":{target.tag}" if target.tag else ""
    return f"{target.id}{tag}={shape(target.node)}"
