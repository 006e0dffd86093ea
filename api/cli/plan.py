"""`chainsaga plan`: the plan of a chain as JSON, as an execution carries it."""

import argparse

from api.cli import planning


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    planning.arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print the plan."""
    plan = planning.planned(options).plan
    print(plan.model_dump_json(indent=2, exclude_none=True))
    return 0
