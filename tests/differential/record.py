"""Record the transcripts anew on the reference: `python tests/differential/record.py -H unix:///… [NAME…]`.

The engine asked must be Docker; what it answers is what judges us. Look at the change before committing it.
Others may use it: only the containers that a transcript has made are removed, and what is named `wt-…`.
"""

import argparse
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from engine_kit.engine import Engine  # noqa: E402  (found by the line above)
from transcript_kit import Shell, read, write  # noqa: E402


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-H", "--host", required=True, help="unix:// address of the reference")
    parser.add_argument("names", nargs="*", help="transcripts; all when none is named")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wharf-record-") as home:
        reference = Engine(chosen.host.removeprefix("unix://"), Path(home))
        reference.provide_image()
        for path in sorted((HERE / "transcripts").glob("*.txt")):
            if not chosen.names or path.stem in chosen.names:
                with Shell.made(reference.cli("docker").argv()) as shell:
                    try:
                        write(path, [shell.play(step) for step in read(path)])
                    finally:
                        reference.remove(shell.made_containers())
                reference.clear_named()
                sys.stdout.write(f"{path.stem}\n")


if __name__ == "__main__":
    main()
