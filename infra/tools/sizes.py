"""Prints the size of every function that `make build` made: the binary, and the zip that Lambda receives."""

import io
import sys
import zipfile
from pathlib import Path


def zip_size(binary: Path) -> int:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(binary, "bootstrap")
    return len(buffer.getvalue())


def main() -> int:
    rows = []
    for folder in map(Path, sys.argv[1:]):
        for binary in sorted(folder.glob("*/bootstrap")):
            rows.append((folder.name, binary.parent.name, binary.stat().st_size, zip_size(binary)))
    if not rows:
        print("nothing is built yet: run `make build` first", file=sys.stderr)
        return 1
    print(f"{'folder':<14} {'function':<18} {'binary MB':>9} {'zip MB':>7}")
    for folder, function, binary, zipped in rows:
        print(f"{folder:<14} {function:<18} {binary / 1e6:>9.1f} {zipped / 1e6:>7.1f}")
    return 0


sys.exit(main())
