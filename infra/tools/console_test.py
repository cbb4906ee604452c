#!/usr/bin/env python3
"""Runs the end-to-end tests of the console and the widget in Chromium, against a `parlance` that is started here."""

import argparse
import os
import pathlib
import subprocess
import sys

from local_stack import Stack, free_ports

WEB = pathlib.Path(__file__).resolve().parents[2] / "functions/console/web"
# As in web/e2e/support.mjs.
ADMIN = {"PARLANCE_ADMIN_EMAIL": "root@example.com", "PARLANCE_ADMIN_PASSWORD": "correct horse battery"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--chromium", required=True)
    parser.add_argument("--only", default="", help="one part: journey, conversation, injection, accessibility or widget")
    parser.add_argument("--shots", help="a folder for screenshots")
    arguments = parser.parse_args()
    (model,) = free_ports(1)
    os.environ.update(ADMIN, OPENAI_COMPATIBLE_BASE_URL=f"http://127.0.0.1:{model}/v1", EMBEDDING_MODEL="")
    with Stack.start(arguments.binary) as stack:
        command = ["node", "e2e/run.mjs", "--url", stack.api.replace("127.0.0.1", "localhost"), "--model-port", str(model),
                   "--chromium", arguments.chromium, "--only", arguments.only]
        if arguments.shots:
            command += ["--shots", str(pathlib.Path(arguments.shots).resolve())]
        return subprocess.run(command, cwd=WEB).returncode


if __name__ == "__main__":
    sys.exit(main())
