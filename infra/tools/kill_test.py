"""Kills the server with SIGKILL at random moments while it takes in and indexes documents, and then looks whether
everything it had acknowledged is there, once.

    kill_test.py [--kills 50] [--seed 1] [--binary target/debug/parlance] [--keep]

Sets of 21 documents are uploaded, three at a time, one set after the other until the last kill. An upload whose
answer is lost is sent again, as a client would. Moments are drawn from the seed; what they hit depends on the
machine as well. Every good document must end `ready`, whatever was killed around it, and no message among the dead
letters. Then a dozen good files with a kill every moment, and a document whose every reading is killed: that one
fails. Exit code 1 if anything is not as it must be; --keep leaves the data folder for a closer look.
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
from kill.server import LEASE_S, Lost, Server, settle

# One kill in so many comes while the server starts.
STARTUP_KILLS = 10
# Of so many starts one follows its kill at once; before the others what the dead had in their hands has come back.
AT_ONCE = 3
# Kills of the very first start, on an empty folder.
FIRST_STARTS = 5
# Longest time from answering to the kill, in seconds.
LIFE_S = 1.2
# Documents of the crowd, kills while they are uploaded, and the longest time between two of them, in seconds.
CROWD, CROWD_KILLS, CROWD_LIFE_S = 12, 6, 0.3
# Deaths of workers that read a document after which it counts as unreadable.
MAX_INTERRUPTED = 10
# Longest time until the reading of a document begins, in seconds.
READING_BEGINS_S = 20


def live_and_kill(server, uploaders, moments, at_start=False, longest=LIFE_S):
    """One life of the server; answers what its death met: uploads, and deliveries of the messages with a worker."""
    moment = moments.uniform(0, 0.25 if at_start else longest)
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
    print(f"  killed {moment:5.3f} s after {'spawn' if at_start else 'ready'}  {uploads} uploads under way, "
          f"{len(deliveries)} messages with a worker, delivered {max(deliveries, default=0)} times at most", flush=True)
    return uploads, deliveries


def run_and_kill(server, uploaders, arguments):
    """The lives of the server; answers what the kills hit."""
    moments, hit = random.Random(arguments.seed), collections.Counter()
    for _ in range(arguments.kills):
        at_start = moments.randrange(STARTUP_KILLS) == 0
        if moments.randrange(AT_ONCE):
            server.ahead_s += LEASE_S
        uploads, deliveries = live_and_kill(server, uploaders, moments, at_start)
        hit["start"] += at_start
        hit["an upload"] += uploads > 0
        hit["indexing"] += bool(deliveries) and not at_start
        hit["most deliveries"] = max(deliveries + [hit["most deliveries"]])
    return hit


def crowd(server, content, seed, wrong):
    """A dozen good files, and a server that dies while they are uploaded and comes back at once."""
    files = {f"crowd-{number}.pdf": content for number in range(CROWD)}
    server.start()
    uploaders, moments = Uploaders(server, files, seed, "crowd", sets=1), random.Random(seed)
    for _ in range(CROWD_KILLS):
        server.kill()
        live_and_kill(server, uploaders, moments, longest=CROWD_LIFE_S)
        server.start()
    uploaders.up.set()
    uploaders.finish()
    settle(server)
    [account] = uploaders.accounts
    states = collections.Counter(document["status"] for document in account.documents())
    print(f"crowd: {CROWD} good files, {CROWD_KILLS} kills while they are uploaded: {dict(states)}")
    # One whose answer was lost is sent again, and may be there twice.
    if states.keys() != {"ready"} or not CROWD <= states["ready"] <= CROWD + account.lost.total():
        wrong.append(f"of the crowd became {dict(states)}")
    server.kill()


def poison(server, files, wrong):
    """A document during whose every reading the server dies must end `failed`, and not be tried for ever. What is uploaded
    beside it must not."""
    server.start()
    account = Account(server, "poison")
    account.sign_in()
    large = files["lysekil.txt"] * 6
    account.upload("large.txt", large)
    for name in ("faq.txt", "grinder-g2.docx", "meridian-handbook.pdf"):
        account.upload(name, files[name])

    def document():
        [large] = [document for document in account.documents() if document["file_name"] == "large.txt"]
        return large

    kills, seen, until = 0, set(), time.monotonic() + READING_BEGINS_S
    while time.monotonic() < until and (found := document())["status"] in ("pending", "processing"):
        # As one reading left it, it is until the next one begins.
        if found["progress"] == 5 and found["updated_at"] not in seen:
            server.kill()
            kills += 1
            seen.add(found["updated_at"])
            server.ahead_s += LEASE_S
            server.start()
            until = time.monotonic() + READING_BEGINS_S
    left, found = settle(server), document()
    print(f"poison: killed during {kills} readings, then {found['status']}, {found['error_code']}")
    if (kills, found["status"], found["error_code"]) != (MAX_INTERRUPTED, "failed", "unreadable"):
        wrong.append(f"a document whose readings were all killed is {found['status']} after {kills} kills")
    if any(server.local("dlq").values()):
        wrong.append(f"after {left} s messages were given up: {server.local('dlq')}")
    account.upload("again.txt", large)
    settle(server)
    others = {document["file_name"]: document["status"] for document in account.documents()}
    del others["large.txt"]
    if set(others.values()) != {"ready"}:
        wrong.append(f"beside a document whose readings were all killed became {others}")
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
        settle(server)
        if promises := server.promises():
            wrong.append(f"promises are left in the outbox: {promises}")
        dead = server.local("dlq")
        if any(dead.values()):
            wrong.append(f"messages were given up: {dead}")
        accounts = [reference, *uploaders.accounts]
        listed, citations, outcomes = 0, 0, collections.Counter()
        for account in accounts:
            listed += check_set(account, expected, files, wrong)
            outcomes.update(document["error_code"] or document["status"] for document in account.documents())
            citations += check_answers(account, expected, wrong)
        if staged := [file.name for file in (server.folder / "s3" / ".staging").rglob("*") if file.is_file()]:
            wrong.append(f"half-written objects: {staged}")
        server.kill()
        crowd(server, files["meridian-handbook.pdf"], arguments.seed, wrong)
        more_kills = FIRST_STARTS + CROWD_KILLS + poison(server, files, wrong)
    except Lost as lost:
        sys.exit(f"the server did not answer: {lost.__cause__!r}; see {server.log.name} (--keep)")
    finally:
        if server.process:
            server.kill()
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    acknowledged = sum(len(account.acknowledged) for account in accounts)
    lost = sum(account.lost.total() for account in accounts)
    most = hit.pop("most deliveries")
    print(f"\n{arguments.kills} kills: " + ", ".join(f"{count} hit {what}" for what, count in hit.items())
          + f"; and {more_kills} more during first starts, of a crowd and of one document")
    print(f"{acknowledged} documents acknowledged in {len(accounts)} sets, {lost} answers lost, of those "
          f"{listed - acknowledged} documents were taken in")
    good = sum(outcome == "ready" for outcome in outcomes.elements())
    print(f"{good} good documents are ready, delivered {most} times at most; the others failed for their own reason: "
          f"{ {outcome: count for outcome, count in outcomes.items() if outcome != 'ready'} }")
    print(f"{citations} citations; the clock moved {server.ahead_s} s")
    print(f"start to answer: median {statistics.median(server.starts_s):.2f} s, longest {max(server.starts_s):.2f} s")
    for sentence in wrong:
        print(f"WRONG  {sentence}")
    print(f"{len(wrong)} deviations in {time.monotonic() - begun:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
