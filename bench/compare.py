"""Two engines, one client, in turn: medians and ratios as a Markdown table.

    python bench/compare.py --other unix:///var/run/docker.sock [--only NAME]… [--rounds N] [--json FILE]

Each measurement alternates between the engines, so that whatever else the host does meets both. The other
engine is one that runs already; ours is started for this, in a sandbox, with roots of its own. About four
minutes in all.
"""

import argparse
import contextlib
import json
import platform
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from engines import OtherSide, OwnSide, Side
from measure import MEASUREMENTS, Measurement

Results = dict[str, dict[str, list[float]]]


def measure(sides: Sequence[Side], chosen: Sequence[Measurement], rounds: int | None) -> Results:
    """Take each measurement on each side in turn; the first round only warms up where there are several."""
    results: Results = {}
    for one in chosen:
        taken: dict[str, list[float]] = {side.name: [] for side in sides}
        wanted = one.rounds if rounds is None else rounds
        for number in range(wanted + (wanted > 2)):
            for side in sides if number % 2 else sides[::-1]:
                value = one.take(side)
                if number or wanted <= 2:
                    taken[side.name].append(value)
        results[one.name] = taken
        told = ", ".join(f"{name} {statistics.median(values):.4g}" for name, values in taken.items())
        sys.stderr.write(f"{one.name}: {told} {one.unit}\n")
    return results


def table(results: Results, chosen: Sequence[Measurement]) -> str:
    """The medians as Markdown; the ratio is how many times better Wharf is."""
    lines = ["| what | Docker | Wharf | Wharf is better by |", "| --- | ---: | ---: | ---: |"]
    for one in chosen:
        medians = {name: statistics.median(values) for name, values in results[one.name].items()}
        other, ours = medians.get("docker"), medians.get("wharf")
        times = "-"
        if other and ours:
            times = f"{other / ours if one.better == 'less' else ours / other:.1f} x"
        cells = ["-" if value is None else f"{_short(value)} {one.unit}" for value in (other, ours)]
        lines.append(f"| {one.title} | {cells[0]} | {cells[1]} | {times} |")
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.3g}"


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--other", help="address of the other engine; without it only ours is measured")
    parser.add_argument("--no-own", action="store_true", help="measure only the other engine")
    parser.add_argument("--only", action="append", metavar="NAME", choices=[one.name for one in MEASUREMENTS])
    parser.add_argument("--rounds", type=int, help="rounds of each measurement")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value taken there")
    asked = parser.parse_args()
    chosen = [one for one in MEASUREMENTS if not asked.only or one.name in asked.only]
    with contextlib.ExitStack() as stack:
        sides: list[Side] = []
        if asked.other:
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="wharf-bench-"))
            sides.append(OtherSide(asked.other, Path(home)))
        if not asked.no_own:
            sides.append(stack.enter_context(OwnSide.running()))
        for side in sides:
            stack.callback(side.clear)
        versions = {side.name: side.docker("version", "-f", "{{.Server.Version}}").strip() for side in sides}
        results = measure(sides, chosen, asked.rounds)
    print(table(results, chosen))
    if asked.json:
        document = {
            "versions": versions,
            "kernel": platform.release(),
            "python": platform.python_version(),
            "results": results,
        }
        asked.json.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
