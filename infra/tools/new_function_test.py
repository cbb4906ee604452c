#!/usr/bin/env python3
"""`make new-function` leaves a template that cfn-lint accepts, and declares each kind of function once in every list."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = ["Cargo.toml", "infra/local/Cargo.toml", "infra/local/src/functions.rs", "shared/domain/src/queue.rs", "functions", "events"]
# What each kind adds, by file: the text and how often it is there.
ADDED = {
    ("http", "greetings"): {
        "Cargo.toml": ("\ngreetings = {", 1),
        "infra/local/src/functions.rs": ('http("greetings", greetings::api)', 1),
        "template.yaml": ("  GreetingsFunction:", 1),
    },
    ("queue", "sort_letters"): {
        "infra/local/src/functions.rs": ("queue::<sort_letters::SortLetters>()", 1),
        "shared/domain/src/queue.rs": ("Queue::SortLetters", 1),
        "events/expected.json": ('"sort_letters/sqs.json"', 1),
        # The gateway between a queue and its function, the alarm, the widgets and the readers of its depth.
        "template.yaml": ("QUEUE_SORT_LETTERS: !Ref SortLettersQueue", 1),
    },
    ("schedule", "refresh_catalog"): {
        "infra/local/src/functions.rs": ("schedule::<refresh_catalog::RefreshCatalog>()", 1),
        "events/refresh_catalog/schedule.json": ("parlance-RefreshCatalogFunction", 1),
        "template.yaml": ("Value: !Ref RefreshCatalogFunction", 2),
    },
}


def main():
    for (kind, name), added in ADDED.items():
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder)
            for path in [*FILES, "template.yaml", "infra/tools/new_function.py"]:
                (copy / path).parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if (ROOT / path).is_dir() else shutil.copy)(ROOT / path, copy / path)
            subprocess.run([sys.executable, copy / "infra/tools/new_function.py", kind, name], check=True, capture_output=True)
            for path, (text, times) in added.items():
                found = (copy / path).read_text().count(text)
                assert found == times, f"{kind}: {path} has {text!r} {found} times, not {times}"
            lint = [Path(sys.executable).with_name("cfn-lint"), "--non-zero-exit-code", "warning", "--", copy / "template.yaml"]
            subprocess.run(lint, check=True)
    print(f"{len(ADDED)} kinds of functions can be added")


if __name__ == "__main__":
    main()
