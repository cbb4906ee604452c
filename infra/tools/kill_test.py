"""Kills the server with SIGKILL at random moments while it takes in and indexes documents, and then looks whether
everything it had acknowledged is there, once.

    kill_test.py [--kills 50] [--seed 1] [--binary target/debug/parlance] [--keep]

Sets of 21 documents are uploaded, three at a time, one set after the other until the last kill. An upload whose
answer is lost is sent again, as a client would. Moments are drawn from the seed; what they hit depends on the
machine as well. Exit code 1 if anything is not as it must be; --keep leaves the data folder for a closer look.
"""

import argparse
import collections
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from kill.checks import check_answers, check_set
from kill.clients import Account, Uploaders
from kill.samples import SAMPLES, sample_files
from kill.server import MAX_DELIVERIES, Lost, Server, settle

# One kill in so many comes while the server starts.
STARTUP_KILLS = 10
# Kills of the very first start, on an empty folder.
FIRST_STARTS = 5
# Longest time from answering to the kill, in seconds.
LIFE_S = 1.2


def run_and_kill(server, uploaders, arguments):
    """The lives of the server; answers what the kills hit."""
    moments, hit = random.Random(arguments.seed), collections.Counter()
    for number in range(1, arguments.kills + 1):
        at_start = moments.randrange(STARTUP_KILLS) == 0
        moment = moments.uniform(0, 0.25 if at_start else LIFE_S)
        if at_start:
            server.spawn()
        else:
            server.start()
            uploaders.up.set()
        time.sleep(moment)
        uploads = uploaders.busy
        server.kill()
        uploaders.up.clear()
        deliveries = server.messages("index_documents")
        hit["start"] += at_start
        hit["an upload"] += uploads > 0
        hit["indexing"] += bool(deliveries) and not at_start
        print(f"kill {number:2}  {moment:5.3f} s after {'spawn' if at_start else 'ready'}  "
              f"{uploads} uploads under way, {len(deliveries)} messages with a worker", flush=True)
        if max(server.messages(), default=0) >= MAX_DELIVERIES - 2:
            # Who died may have left a lease behind, which takes the next delivery; a fifth one that fails would be the
            # last: that is what `give_up` is about.
            server.start()
            settle(server)
            server.kill()
            hit["pause"] += 1
    return hit


def give_up(server, files, wrong):
    """A document during whose every delivery the server dies must end `failed`, and its message among the dead
    letters, from where it can be brought back."""
    server.start()
    account = Account(server, "give-up")
    account.sign_in()
    account.upload("large.txt", files["lysekil.txt"] * 6)
    kills = 0
    while kills < MAX_DELIVERIES:
        time.sleep(0.3)
        server.kill()
        kills += 1
        if server.messages("index_documents") != [kills]:
            sys.exit(f"kill {kills} came too late for a document of {len(files['lysekil.txt']) * 6} bytes")
        server.start()
    server.local("drain", {})
    [document] = account.documents()
    if (document["status"], document["error_code"]) != ("failed", "internal"):
        wrong.append(f"a document whose deliveries were all killed is {document['status']}, {document['error_code']}")
    if len(server.local("dlq")["index_documents"]) != 1:
        wrong.append("a message whose deliveries were all killed is not among the dead letters")
    server.local("dlq/index_documents/redrive", {})
    settle(server)
    account.sign_in()
    [document] = account.documents()
    if document["status"] != "ready":
        wrong.append(f"a document that was brought back from the dead letters is {document['status']}")
    server.kill()
    return kills


def kill_first_starts(server, moments):
    """Deaths while the tables and the rest are made for the first time."""
    for _ in range(FIRST_STARTS):
        server.spawn()
        time.sleep(moments.uniform(0, 0.15))
        server.kill()


def undisturbed(server, files, wrong):
    """What becomes of each file when nobody interferes."""
    server.start()
    account = Account(server, "undisturbed")
    account.sign_in()
    for name, content in files.items():
        account.upload(name, content)
    settle(server)
    account.sign_in()
    expected = {d["file_name"]: (d["status"], d["error_code"], d["chunks"]) for d in account.documents()}
    for name in files:
        outcome = SAMPLES.get(name, "ready")
        if outcome != (expected[name][1] or expected[name][0]):
            wrong.append(f"{name} undisturbed is {expected[name]} and must be {outcome}")
    server.kill()
    return account, expected


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binary", type=Path, default=Path("target/debug/parlance"))
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    begun, wrong = time.monotonic(), []
    folder = Path(tempfile.mkdtemp(prefix="parlance-kill-"))
    server = Server(arguments.binary, folder)
    try:
        files = sample_files(arguments.binary, folder / "samples")
        print(f"seed {arguments.seed}, {arguments.kills} kills, sets of {len(files)} documents, data in {folder}")
        kill_first_starts(server, random.Random(arguments.seed))
        reference, expected = undisturbed(server, files, wrong)
        uploaders = Uploaders(server, files, arguments.seed)
        hit = run_and_kill(server, uploaders, arguments)
        server.start()
        uploaders.up.set()
        uploaders.finish()
        moved = settle(server)
        if promises := server.promises():
            wrong.append(f"promises are left in the outbox: {promises}")
        dead = server.local("dlq")
        if any(dead.values()):
            wrong.append(f"messages were given up: {dead}")
        accounts = [reference, *uploaders.accounts]
        listed = citations = 0
        for account in accounts:
            account.sign_in()
            listed += check_set(account, expected, files, wrong)
            citations += check_answers(account, expected, wrong)
        if staged := [file.name for file in (server.folder / "s3" / ".staging").rglob("*") if file.is_file()]:
            wrong.append(f"half-written objects: {staged}")
        server.kill()
        more_kills = FIRST_STARTS + give_up(server, files, wrong)
    except Lost as lost:
        sys.exit(f"the server did not answer: {lost.__cause__!r}; see {server.log.name} (--keep)")
    finally:
        if server.process:
            server.kill()
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    acknowledged = sum(len(account.acknowledged) for account in accounts)
    lost = sum(account.lost.total() for account in accounts)
    print(f"\n{arguments.kills} kills: " + ", ".join(f"{count} hit {what}" for what, count in hit.items() if what != "pause")
          + f"; and {more_kills} more during first starts and of one document")
    print(f"{acknowledged} documents acknowledged in {len(accounts)} sets, {lost} answers lost, of those "
          f"{listed - acknowledged} documents were taken in")
    print(f"{citations} citations; the clock moved {moved} s; {hit['pause']} times everything was let through")
    print(f"start to answer: median {statistics.median(server.starts_s):.2f} s, longest {max(server.starts_s):.2f} s")
    for sentence in wrong:
        print(f"WRONG  {sentence}")
    print(f"{len(wrong)} deviations in {time.monotonic() - begun:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
