"""`make bench`, or `python -m bench sqlite …`: measure these subjects and put their sections into the page."""

from __future__ import annotations

import subprocess
import sys

from bench import SUBJECTS, report


def main(names: list[str]) -> int:
    if unknown := set(names) - set(SUBJECTS):
        raise SystemExit(f"There is no subject {sorted(unknown)[0]!r}; there are {', '.join(SUBJECTS)}.")
    failed = 0
    for name in names or SUBJECTS:
        done = subprocess.run([sys.executable, "-m", "bench.subject", name], stdout=subprocess.PIPE, text=True)
        failed = failed or done.returncode
        if not done.returncode:
            print(done.stdout, flush=True)
            report.keep(done.stdout)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
