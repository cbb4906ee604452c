"""Uploads hostile files beside good documents and looks what becomes of all: every good document must be `ready`, about
as soon as without the hostile ones, every hostile file must end as expected, and the server must stay small.

    hostile_test.py [--good 50] [--binary target/debug/parlance] [--keep]

The good documents are uploaded to a fresh server alone first, then to another one while somebody else uploads every kind
of hostile file (`parlance samples --hostile`). Memory is what the server and its children hold together. Exit code 1 if
anything is not as it must be; --keep leaves the data and the log.
"""

import argparse
import concurrent.futures
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from kill.clients import Account
from kill.samples import SAMPLES, sample_files
from kill.server import Lost, Server

# Uploads of each of the two at the same time.
PARALLEL = 3
# Larger files go straight to the bucket, as the gateway takes no more.
MULTIPART_LIMIT = 4 * 1024 * 1024
# How often documents and memory are looked at, in seconds.
DOCUMENTS_EVERY_S, MEMORY_EVERY_S = 0.25, 0.05
# Longest time until everything has ended, in seconds.
LIMIT_S = 900
# What is to be tried once more comes back with time: how often the clock is moved when little else is left, and how far,
# in seconds.
MOVE_EVERY_S, MOVE_S = 5, 30
# How much later the median good document may be ready, and the largest sum of resident memory.
SLOWER, MEMORY_LIMIT_MB = 3.0, 3_500


class Memory:
    """Watches the resident memory of a process and of its children."""

    def __init__(self, pid):
        self.pid, self.peak, self.peak_child, self.alone, self.more = pid, 0, 0, 0, True
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while self.more:
            own = resident(self.pid)
            children = [resident(pid) for pid in children_of(self.pid)]
            self.alone = max(self.alone, own)
            self.peak_child = max([self.peak_child, *children])
            self.peak = max(self.peak, own + sum(children))
            time.sleep(MEMORY_EVERY_S)

    def stop(self):
        self.more = False
        self.thread.join()


def resident(pid):
    """Resident memory of a process in MB; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, IndexError):
        return 0


def children_of(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            pass  # the thread is gone
    return found


class Uploader:
    """A user with files; knows when each was acknowledged and when it ended."""

    def __init__(self, server, name, files):
        self.account, self.files, self.ended = Account(server, name), files, {}
        self.account.sign_in()
        self.account.upgrade()
        self.begun, self.names = {}, {}

    def upload(self, name):
        content = self.files[name]
        begun = time.monotonic()
        if len(content) > MULTIPART_LIMIT:
            document = self.put(name, content)
        else:
            self.account.upload(name, content)
            [document] = [id for id, uploaded in self.account.acknowledged.items() if uploaded == name]
        self.begun[document], self.names[document] = begun, name

    def put(self, name, content):
        """By a link to the bucket."""
        wanted = {"file_name": name, "size": len(content)}
        link = self.account.call("POST", "/api/v1/documents/uploads", wanted)
        request = urllib.request.Request(link["url"], content, link["headers"], method=link["method"])
        with urllib.request.urlopen(request, timeout=60):
            pass
        return self.account.call("POST", f"/api/v1/documents/uploads/{link['id']}/complete", {})["id"]

    def look(self):
        """Notes what has ended since; answers whether everything has."""
        for document in self.account.documents():
            id = document["id"]
            if id not in self.ended and document["status"] in ("ready", "failed"):
                self.ended[id] = (time.monotonic(), document["error_code"] or "ready", document["error"])
        return len(self.ended) == len(self.files)

    def took(self):
        """Seconds from the upload to the end, by name."""
        return {self.names[id]: at - self.begun[id] for id, (at, _, _) in self.ended.items() if id in self.begun}


def run(arguments, folder, groups):
    """Uploads the files of each group as a user of its own; answers the users and the watch over the memory."""
    server = Server(arguments.binary, folder)
    server.start()
    memory = Memory(server.process.pid)
    uploaders = [Uploader(server, name, files) for name, files in groups.items()]
    try:
        with concurrent.futures.ThreadPoolExecutor(PARALLEL * len(uploaders)) as pool:
            uploads = [pool.submit(uploader.upload, name) for uploader in uploaders for name in uploader.files]
            moved = time.monotonic()
            until = moved + LIMIT_S
            while time.monotonic() < until:
                done = [uploader.look() for uploader in uploaders]
                if all(done):
                    break
                if done[0] and all(upload.done() for upload in uploads) and time.monotonic() > moved + MOVE_EVERY_S:
                    server.advance(MOVE_S)
                    moved = time.monotonic()
                time.sleep(DOCUMENTS_EVERY_S)
            for upload in uploads:
                upload.result()
        if server.process.poll() is not None:
            sys.exit(f"the server died: see {server.log.name}")
        dead = {queue: len(letters) for queue, letters in server.local("dlq").items() if letters}
    finally:
        memory.stop()
        server.kill()
    return uploaders, memory, dead


def figures(took):
    ordered = sorted(took.values())
    return (f"median {statistics.median(ordered):.2f} s, 95 of 100 within {ordered[int(len(ordered) * 0.95)]:.2f} s, "
            f"last {ordered[-1]:.2f} s")


def good_files(binary, folder, count):
    files = {name: content for name, content in sample_files(binary, folder).items()
             if SAMPLES.get(name, "ready") == "ready" and content}
    names = sorted(files)
    return {f"{number}-{names[number % len(names)]}": files[names[number % len(names)]] for number in range(count)}


def hostile_files(binary, folder):
    """The files, and how each may end."""
    subprocess.run([str(binary), "samples", "--hostile", str(folder)], check=True)
    rows = [line.split("\t") for line in (folder / "expected.tsv").read_text().splitlines()]
    return {name: (folder / name).read_bytes() for name, *_ in rows}, {name: ends for name, *ends in rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--good", type=int, default=50)
    parser.add_argument("--binary", type=Path, default=Path("target/debug/parlance"))
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    folder, wrong = Path(tempfile.mkdtemp(prefix="parlance-hostile-")), []
    try:
        good = good_files(arguments.binary, folder / "good", arguments.good)
        hostile, expected = hostile_files(arguments.binary, folder / "hostile")
        for name in ("alone", "beside"):
            (folder / name).mkdir()
        [alone], calm, _ = run(arguments, folder / "alone", {"good": good})
        [beside, attacker], stormy, dead = run(arguments, folder / "beside", {"good": good, "hostile": hostile})
    except Lost as lost:
        sys.exit(f"the server did not answer: {lost.__cause__!r}; see {folder} (--keep)")
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    took = attacker.took()
    for id, name in sorted(attacker.names.items(), key=lambda entry: entry[1]):
        _, end, sentence = attacker.ended.get(id, (0, "not ended", None))
        print(f"{name:<34} {end:<11} {took.get(name, 0):6.1f} s  {sentence or ''}")
        if end not in expected[name]:
            wrong.append(f"{name} is {end} and must be one of {expected[name]}")
        if end != "ready" and not sentence:
            wrong.append(f"{name} failed without a sentence")
    for what, uploader in (("alone", alone), ("beside the hostile files", beside)):
        ends = [end for _, end, _ in uploader.ended.values()]
        print(f"\n{ends.count('ready')} of {len(good)} good documents ready {what}: {figures(uploader.took())}", end="")
        if ends.count("ready") != len(good):
            wrong.append(f"of the good documents {what} only {ends.count('ready')} are ready")
    print(f"\n{len(hostile)} hostile files")
    before, after = (statistics.median(uploader.took().values()) for uploader in (alone, beside))
    if after > SLOWER * before + 1:
        wrong.append(f"the median good document took {after:.2f} s instead of {before:.2f} s")
    for what, memory in (("alone", calm), ("beside the hostile files", stormy)):
        print(f"resident memory {what}: {memory.peak:.0f} MB at most, of these the server alone {memory.alone:.0f} MB at "
              f"most, one child {memory.peak_child:.0f} MB at most")
    if stormy.peak > MEMORY_LIMIT_MB:
        wrong.append(f"the server and its children held {stormy.peak:.0f} MB")
    if dead:
        wrong.append(f"messages were given up: {dead}")
    for sentence in wrong:
        print(f"WRONG  {sentence}")
    print(f"{len(wrong)} deviations")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
