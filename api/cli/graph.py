"""`chainsaga graph`: a chain as a picture, for Mermaid or as SVG."""

import argparse
import sys

from api.cli import planning
from api.cli.picture import picture


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    planning.arguments(parser)
    parser.add_argument(
        "--format", choices=("mermaid", "svg"), default="mermaid", help="default: mermaid"
    )


def run(options: argparse.Namespace) -> int:
    """Print the picture."""
    plan = planning.planned(options).plan
    drawn = picture(plan)
    if options.format == "svg":
        from api.cli.svg import svg

        sys.stdout.write(svg(drawn, plan.chain))
    else:
        from api.cli.mermaid import mermaid

        sys.stdout.write(mermaid(drawn))
    return 0
