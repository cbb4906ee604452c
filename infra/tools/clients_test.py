#!/usr/bin/env python3
"""Generates clients from the document of a running `parlance`, with openapi-python-client and with openapi-typescript and
openapi-fetch, and has each of them do what a front end does. A warning of a generator, or an error of `tsc --strict`,
fails the test."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local_stack import Stack

HERE = Path(__file__).resolve().parent
COMPILER = {
    "strict": True, "target": "ES2022", "module": "NodeNext", "moduleResolution": "NodeNext", "lib": ["ES2023", "DOM",
    "DOM.Iterable", "DOM.AsyncIterable"], "types": ["node"], "noUncheckedIndexedAccess": True, "outDir": "built",
}


def python_client(api, folder):
    tools = Path(sys.executable).parent
    # The generator formats what it writes with ruff, which it looks for in the path.
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(folder)}
    generate = [tools / "openapi-python-client", "generate", "--path", folder / "openapi.json", "--meta", "none"]
    generate += ["--output-path", folder / "parlance_client", "--fail-on-warning"]
    subprocess.run(generate, check=True, env=environment, stdout=subprocess.DEVNULL)
    print("  ok  python: generated without a warning", flush=True)
    subprocess.run([sys.executable, HERE / "clients/drive.py", api], check=True, env=environment)


def typescript_client(api, folder, modules):
    tools = modules / ".bin"
    generate = [tools / "openapi-typescript", folder / "openapi.json", "--output", folder / "schema.d.ts"]
    subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
    shutil.copy(HERE / "clients/drive.ts", folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(modules)
    options = [f"--{name}={','.join(value) if isinstance(value, list) else str(value).lower()}"
               for name, value in COMPILER.items()]
    flags = [part for option in options for part in option.split("=", 1)]
    subprocess.run([tools / "tsc", *flags, "drive.ts"], check=True, cwd=folder)
    print("  ok  typescript: compiled with --strict", flush=True)
    subprocess.run(["node", "built/drive.js", api], check=True, cwd=folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--node-modules", type=Path, help="where npm put the generator; without it, Python only")
    arguments = parser.parse_args()
    with Stack.start(arguments.binary) as stack, tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "openapi.json").write_bytes(stack.fetch("/openapi.json"))
        python_client(stack.api, folder)
        if arguments.node_modules:
            typescript_client(stack.api, folder, arguments.node_modules)
        else:
            print("  --  no Node here: its client was not tried", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, subprocess.CalledProcessError) as failure:
        sys.exit(f"failed: {failure!r}")
