"""Record what Docker answers to the cases of `create_kit.py`: `python tests/differential/record_create.py -H unix:///…`."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from create_kit import RECORDED, answers, cases  # noqa: E402  (found by the line above)
from engine_kit.engine import Engine  # noqa: E402


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-H", "--host", required=True, help="unix:// address of the reference")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wharf-record-") as home:
        reference = Engine(chosen.host.removeprefix("unix://"), Path(home))
        reference.provide_image()
        told = answers(reference, cases())
    lines = (f"{json.dumps(name)}: {json.dumps(answer)}" for name, answer in told.items())
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
