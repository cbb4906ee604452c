"""Kills the server with SIGKILL at random moments while it has models answer, and then looks whether every token that
the model sold was charged, and nothing is left reserved.

    kill_ledger_test.py [--kills 25] [--seed 1] [--binary target/debug/parlance] [--keep]

Three people ask all the time, streamed and whole: one whose limit is out of reach, one whose limit is reached, and one in an
organization whose day is split over shards. At every look used and reserved together are within the limit. In the end the clock is moved past the leases of what was
cut off. Then every call that ended is charged what the model sold, every call that a kill met all that was reserved for it,
and what the model sold is between the one and the sum of both. Exit code 1 if anything is not as it must be.
"""

import argparse
import collections
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from kill.clients import PASSWORD, Account
from kill.server import Lost, Server, free_port

WORKERS = 12
# Tokens of an answer, and the time from one to the next.
TOKENS, PAUSE_MS = 30, 10
MAX_TOKENS = 60
# The limit that is reached.
TIGHT = 6_000
# Longest life of the server, in seconds.
LIFE_S = 1.5
# A reservation may be settled by anybody after five minutes.
LEASE_S = 301


class Asker(Account):
    """A person who has models answer."""

    def __init__(self, server, name):
        super().__init__(server, name)
        self.seen, self.shared = collections.Counter(), None

    def sign_in(self):
        super().sign_in()
        self.org = self.shared or self.org

    def prepare(self, admin, limit, in_organization=False):
        self.sign_in()
        self.upgrade()
        inside = {}
        if in_organization:
            self.org = self.shared = self.call("POST", "/api/v1/orgs", {"name": "Crew"})["id"]
            self.upgrade()
            inside = {"X-Current-Org": self.org}
        user = self.call("GET", "/api/v1/auth/me")["id"]
        admin.call("PUT", f"/api/v1/users/{user}/quota", {"daily_limit": limit})
        key = self.call("POST", "/api/v1/apikeys", {"name": "Kill", "scopes": ["chats:write"]}, inside)
        self.key = key["key"]

    def ask(self, streamed):
        body = {"model": "gpt-4o-mini", "stream": streamed, "max_tokens": MAX_TOKENS,
                "messages": [{"role": "user", "content": "What is the best grinder?"}]}
        status, answer = self.server.request(
            "POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {self.key}"})
        whole = status == 200 and (not streamed or answer.endswith(b"data: [DONE]\n\n"))
        self.seen["whole" if whole else f"{status}"] += 1
        if status not in (200, 429):
            print(f"answered {status}: {answer.decode(errors='replace')}", file=sys.stderr)
        return status

    def standing(self, scope="user"):
        limits = self.call("GET", "/api/v1/tokens/limits", headers={"X-Current-Org": self.org})["limits"]
        [limit] = [limit for limit in limits if limit["scope"] == scope]
        return limit

    def books(self):
        """What the day of the organization has committed, and what of it is free in shards."""
        committed, free = 0, 0
        for owner in [f"O#{self.org}"] + [f"O#{self.org}#S#{number}" for number in range(8)]:
            days = self.server.dynamodb("Query", {
                "TableName": "parlance-usage", "ConsistentRead": True,
                "KeyConditionExpression": "pk = :owner", "ExpressionAttributeValues": {":owner": {"S": owner}}})
            for day in days["Items"]:
                committed += int(day.get("committed", {"N": 0})["N"])
                free += int(day.get("free", {"N": 0})["N"])
        return committed, free


def work(up, done, askers, number):
    place = 0
    while not done.is_set():
        up.wait()
        asker = askers[(number + place) % len(askers)]
        place += 1
        try:
            if asker.ask(streamed=place % 2 == 0) == 429:
                time.sleep(0.05)
        except Lost:
            asker.seen["lost"] += 1
            time.sleep(0.01)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binary", type=Path, default=Path("target/debug/parlance"))
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="parlance-kill-"))
    port = free_port()
    double = subprocess.Popen(
        [arguments.binary, "model-double", "--port", str(port), "--tokens", str(TOKENS), "--pause-ms", str(PAUSE_MS)],
        stdout=subprocess.DEVNULL)
    os.environ.update(OPENAI_BASE_URL=f"http://127.0.0.1:{port}", OPENAI_API_KEY="sk-double",
                      PARLANCE_ADMIN_EMAIL="root@example.com", PARLANCE_ADMIN_PASSWORD=PASSWORD, PARLANCE_LOG="error")
    server, wrong, moments = Server(arguments.binary, folder), [], random.Random(arguments.seed)
    try:
        server.start()
        admin, rich, poor = Account(server, "root"), Asker(server, "rich"), Asker(server, "poor")
        crew = Asker(server, "crew")
        askers = (rich, poor, crew)
        admin.sign_in()
        rich.prepare(admin, 10_000_000)
        poor.prepare(admin, TIGHT)
        crew.prepare(admin, 10_000_000, in_organization=True)
        up, done, looks, met = threading.Event(), threading.Event(), 0, 0
        threads = [threading.Thread(target=work, args=(up, done, askers, number),
                                    daemon=True) for number in range(WORKERS)]
        for thread in threads:
            thread.start()

        def look():
            for asker in askers:
                standing = asker.standing()
                if standing["used"] + standing["reserved"] > standing["limit"]:
                    wrong.append(f"used and reserved are more than the limit: {standing}")

        for number in range(1, arguments.kills + 1):
            up.set()
            until = time.monotonic() + moments.uniform(0.1, LIFE_S)
            while time.monotonic() < until:
                look()
                looks += 1
                time.sleep(0.05)
            server.kill()
            up.clear()
            time.sleep(0.1)
            server.start()
            reserved = sum(asker.standing()["reserved"] for asker in askers)
            met += reserved > 0
            print(f"kill {number:2}  {reserved:5} tokens of calls that were cut off", flush=True)
        up.set()
        time.sleep(1)
        done.set()
        for thread in threads:
            thread.join()
        before = [asker.standing() for asker in askers]
        settled, left = sum(each["used"] for each in before), sum(each["reserved"] for each in before)
        server.local("clock", {"advance_seconds": LEASE_S})
        server.local("run/reset_quotas", {})
        server.local("drain", {})
        sold = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/ledger").read())
        sold_tokens = sold["prompt_tokens"] + sold["completion_tokens"]
        standings = {asker.email: asker.standing() for asker in askers}
        charged = sum(standing["used"] for standing in standings.values())
        lost = sum(asker.seen["lost"] for asker in askers)
        for email, standing in standings.items():
            if standing["reserved"]:
                wrong.append(f"{email} still has {standing['reserved']} tokens reserved")
            if standing["used"] > standing["limit"]:
                wrong.append(f"{email} used more than the limit: {standing}")
        for asker in (rich, poor):
            told = asker.call("GET", "/api/v1/auth/stats")["totals"]["total_tokens"]
            if told != standings[asker.email]["used"]:
                wrong.append(f"{asker.email}: statistics tell of {told} tokens, the limit of {standings[asker.email]}")
        of_org, (committed, free) = crew.standing("org"), crew.books()
        if (of_org["used"], of_org["reserved"]) != (standings[crew.email]["used"], 0):
            wrong.append(f"the organization has {of_org}, its only member {standings[crew.email]}")
        if not free or committed - free != of_org["used"]:
            wrong.append(f"{committed} are committed, of which {free} are free, and {of_org['used']} used")
        platform = admin.call("GET", "/api/v1/analytics/system/usage")["totals"]["total_tokens"]
        if platform != charged:
            wrong.append(f"the platform's sums tell of {platform} tokens, {charged} were charged")
        # Nobody is left to say how far a call had come that a kill met: it is charged all that was reserved for it.
        if charged != settled + left or not settled <= sold_tokens <= charged:
            wrong.append(f"{sold_tokens} tokens were sold, {settled} charged and {left} left, {charged} in the end")
        print(f"{arguments.kills} kills, {met} of them with calls under way; {looks} looks at the limits")
        print(f"{sold['calls']} calls of the model; clients saw rich {dict(rich.seen)}, poor {dict(poor.seen)}, "
              f"crew {dict(crew.seen)}")
        print(f"sold {sold_tokens} tokens; charged {settled} for calls that ended, and the {left} that were reserved for "
              f"those that were cut off ({lost} of the clients' requests): {charged}")
        print(f"the limit of {TIGHT}: {standings[poor.email]['used']} used, nothing reserved is left anywhere"
              if not wrong else "\n".join(wrong))
    finally:
        server.kill()
        double.kill()
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
