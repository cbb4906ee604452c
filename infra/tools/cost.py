#!/usr/bin/env python3
"""What a month costs on AWS without what models cost: units of a turn as `tests/api/chats/conversations/costs.rs` measures and asserts
them, times the list prices of us-east-1 on demand, without any free tier.

    cost.py [--seconds 6.7] [--memory 256]

Prices read on 2026-11-30: https://aws.amazon.com/dynamodb/pricing/on-demand/, https://aws.amazon.com/lambda/pricing/ (arm64),
https://aws.amazon.com/api-gateway/pricing/ (REST), https://aws.amazon.com/secrets-manager/pricing/,
https://aws.amazon.com/cloudwatch/pricing/, https://aws.amazon.com/sqs/pricing/."""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WRITE, READ = 0.625e-6, 0.125e-6
GB_SECOND, INVOCATION = 13.3334e-6, 0.2e-6
API_REQUEST, MESSAGE = 3.5e-6, 0.4e-6
SECRET, LOG_GB, STORED_GB = 0.40, 0.50, 0.25
MONTH_S = 30 * 24 * 3600
# Of each turn: its line in the logs of the function, its words in the table (kept with recovery, so twice), its share of a
# batch of sums.
LOG_KB, STORED_KB, SUMS_GB_S = 1.0, 4.0, 0.5 * 0.1
TURNS = [0, 1_000, 100_000, 10_000_000]


def measured():
    """Write and read units of a turn of 500 words, its sums included: as high as the test lets them be."""
    text = (ROOT / "tests/api/chats/conversations/costs.rs").read_text()
    test = text[text.index("fn a_turn_of_500_words"):]
    writes = float(re.search(r"written_more <= ([0-9.]+)", test)[1])
    reads = float(re.search(r"read_more <= ([0-9.]+)", test)[1])
    return writes, reads


def idle():
    """Secrets, and schedules that find nothing to do: 128 MB would do, 512 MB are billed."""
    template = (ROOT / "template.yaml").read_text()
    secrets = template.count("Type: AWS::SecretsManager::Secret\n") * SECRET
    minutes = [int(found) for found in re.findall(r"ScheduleExpression: rate\((\d+) minutes\)", template)]
    runs = sum(MONTH_S / 60 / each for each in minutes)
    return {"secrets": secrets, "schedules": runs * (INVOCATION + 0.5 * 0.05 * GB_SECOND + 10 * READ + WRITE)}


def turn(seconds, memory_mb):
    writes, reads = measured()
    return {
        "tables": writes * WRITE + reads * READ,
        "functions": INVOCATION + seconds * memory_mb / 1024 * GB_SECOND + SUMS_GB_S * GB_SECOND,
        "gateway": API_REQUEST,
        "logs": LOG_KB / 1e6 * LOG_GB,
        "storage, each month": 2 * STORED_KB / 1e6 * STORED_GB,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6.7, help="how long an answer is written")
    parser.add_argument("--memory", type=int, default=256, help="megabytes of `chats`")
    arguments = parser.parse_args()
    still, each = idle(), turn(arguments.seconds, arguments.memory)
    names = [*still, *each]
    print(f"{'turns a month':24}" + "".join(f"{turns:>14,}" for turns in TURNS))
    for name in names:
        costs = [still.get(name, 0) + each.get(name, 0) * turns for turns in TURNS]
        print(f"{name:24}" + "".join(f"{cost:>14,.2f}" for cost in costs))
    totals = [sum(still.values()) + sum(each.values()) * turns for turns in TURNS]
    print(f"{'US dollars':24}" + "".join(f"{total:>14,.2f}" for total in totals))


if __name__ == "__main__":
    sys.exit(main())
