"""Kills the server with SIGKILL at random moments while it takes in and indexes documents, and then looks whether
everything it had acknowledged is there, once.

    kill_test.py [--kills 50] [--seed 1] [--binary target/debug/parlance] [--keep]

Sets of 20 documents are uploaded, three at a time, one set after the other until the last kill. An upload whose
answer is lost is sent again, as a client would. Moments are drawn from the seed; what they hit depends on the
machine as well. Exit code 1 if anything is not as it must be; --keep leaves the data folder for a closer look.
"""

import argparse
import collections
import hashlib
import http.client
import json
import os
import random
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

UPLOADERS = 3
# One kill in so many comes while the server starts.
STARTUP_KILLS = 10
# Kills of the very first start, on an empty folder.
FIRST_STARTS = 5
# Longest time from start to answering, and from answering to the kill, in seconds.
START_LIMIT_S, LIFE_S = 15, 1.2
# Deliveries after which the queue gives a message up, and how long a failed one stays invisible, in seconds.
MAX_DELIVERIES, VISIBILITY_S = 5, 900
PASSWORD = "correct horse battery"
# What becomes of the files of `parlance samples`: ready, or failed for this reason.
SAMPLES = {
    "meridian-handbook.pdf": "ready", "grinder-g2.docx": "ready", "faq.txt": "ready", "protected.pdf": "ready",
    "encrypted.pdf": "encrypted", "scanned.pdf": "no_text", "truncated.pdf": "damaged",
    "photo.pdf": "wrong_type", "damaged.docx": "damaged", "bomb.docx": "too_large",
}
QUESTIONS = {
    "meridian-handbook.pdf": "How many days do I have to return unopened coffee for a full refund?",
    "grinder-g2.docx": "How long is the warranty on the grinder's burrs?",
    "faq.txt": "Can I pause my subscription while I am on vacation?",
}
TOWNS = ["Arboga", "Borgholm", "Cimbrishamn", "Djursholm", "Eslov", "Falkenberg", "Grebbestad", "Hjo", "Kivik", "Lysekil"]


class Lost(Exception):
    """The server died before it answered."""


class Server:
    """One data folder, and the process that serves it now."""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.process = binary, folder / "data", None
        self.port, self.aws_port = free_port(), free_port()
        self.log = open(folder / "server.log", "wb")
        self.starts_s = []

    def spawn(self):
        command = [self.binary, "--port", self.port, "--aws-port", self.aws_port, "--data-dir", self.folder]
        self.process = subprocess.Popen([str(part) for part in command], stdout=self.log, stderr=self.log)

    def start(self):
        begun = time.monotonic()
        self.spawn()
        while time.monotonic() - begun < START_LIMIT_S:
            if self.process.poll() is not None:
                break
            try:
                if self.request("GET", "/live")[0] == 200:
                    return self.starts_s.append(time.monotonic() - begun)
            except Lost:
                time.sleep(0.01)
        sys.exit(f"the server did not start: see {self.log.name}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def request(self, method, path, body=None, headers=None, port=None):
        """Status and body; `body` is bytes, or something to send as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Lost from error
        finally:
            connection.close()

    def local(self, path, body=None):
        """A request to `/_local`, which must succeed."""
        status, answer = self.request("GET" if body is None else "POST", f"/_local/{path}", body)
        if status != 200:
            sys.exit(f"/_local/{path} answered {status}: {answer.decode(errors='replace')}")
        return json.loads(answer)

    def promises(self):
        """Entries of the outbox, which are in partitions numbered from 0."""
        headers = {
            "X-Amz-Target": "DynamoDB_20120810.Query", "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Date": "20260101T000000Z",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, "
                             "SignedHeaders=host, Signature=0",
        }
        found = []
        for shard in range(16):
            query = {"TableName": "parlance-app", "KeyConditionExpression": "pk = :shard",
                     "ExpressionAttributeValues": {":shard": {"S": f"OUT#{shard}"}}}
            status, answer = self.request("POST", "/", query, headers, self.aws_port)
            if status != 200:
                sys.exit(f"the outbox cannot be read: {answer.decode(errors='replace')}")
            found += json.loads(answer)["Items"]
        return found

    def messages(self):
        """Deliveries of each message that a worker has, of a dead server. A copy is read: opening repairs."""
        with tempfile.TemporaryDirectory() as copy:
            for file in self.folder.glob("sqs.sqlite*"):
                shutil.copy(file, copy)
            queue = sqlite3.connect(Path(copy, "sqs.sqlite"))
            try:
                return [count for (count,) in queue.execute(
                    "SELECT receive_count FROM messages WHERE queue = 'index_documents' AND receipt IS NOT NULL")]
            except sqlite3.OperationalError:
                return []  # killed before the file was made
            finally:
                queue.close()


class Account:
    """A user, and what became of the uploads. `left`: names still to be uploaded."""

    def __init__(self, server, name):
        self.server, self.email, self.token, self.org = server, f"{name}@example.com", None, None
        self.acknowledged, self.lost, self.left = {}, collections.Counter(), []

    def sign_in(self):
        credentials = {"email": self.email, "password": PASSWORD}
        status, answer = self.server.request("POST", "/api/v1/auth/register", credentials)
        if status == 409:
            status, answer = self.server.request("POST", "/api/v1/auth/login", credentials)
        if status not in (200, 201):
            sys.exit(f"signing in answered {status}: {answer.decode(errors='replace')}")
        self.token = json.loads(answer)["access_token"]
        self.org = self.call("GET", "/api/v1/auth/me")["default_org_id"]

    def call(self, method, path, body=None, headers=None):
        headers = {"Authorization": f"Bearer {self.token}"} | (headers or {})
        status, answer = self.server.request(method, path, body, headers)
        if status >= 300:
            sys.exit(f"{method} {path} answered {status}: {answer.decode(errors='replace')}")
        return json.loads(answer)

    def upload(self, name, content):
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        try:
            self.acknowledged[self.call("POST", "/api/v1/documents/upload", body, kind)["id"]] = name
        except Lost:
            self.lost[name] += 1
            raise

    def documents(self):
        return self.call("GET", "/api/v1/documents?limit=100")


class Uploaders:
    """Threads that go on uploading, set after set, while the server is up."""

    def __init__(self, server, files, seed):
        self.server, self.files, self.random = server, files, random.Random(seed)
        self.accounts, self.busy, self.more = [], 0, True
        self.lock, self.up = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(UPLOADERS)]
        for thread in self.threads:
            thread.start()

    def take(self):
        with self.lock:
            account = next((account for account in self.accounts if account.left), None)
            if account is None and self.more:
                account = Account(self.server, f"set-{len(self.accounts)}")
                account.sign_in()
                account.left = self.random.sample(sorted(self.files), len(self.files))
                self.accounts.append(account)
            return (account, account.left.pop()) if account else (None, None)

    def work(self):
        while True:
            self.up.wait()
            try:
                account, name = self.take()
                if name is None:
                    return
                self.busy += 1
                try:
                    account.upload(name, self.files[name])
                except Lost:
                    account.left.append(name)
                    raise
                finally:
                    self.busy -= 1
            except Lost:
                time.sleep(0.01)  # the main thread is about to clear `up`
            except SystemExit as refused:
                print(refused, file=sys.stderr)
                os._exit(1)

    def finish(self):
        self.more = False
        for thread in self.threads:
            thread.join()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def sample_files(binary, folder):
    """The names with the bytes of 20 documents."""
    subprocess.run([str(binary), "samples", str(folder)], check=True)
    files = {name: (folder / name).read_bytes() for name in SAMPLES}
    for number, town in enumerate(TOWNS):
        filler = [f"Paragraph {line} of the log of the lighthouse at {town} tells of wind force {line % 9} and of the "
                  f"{line * 7 % 31} ships that passed on day {line}." for line in range(number * number * 20)]
        filler.insert(len(filler) // 2, f"The lamp of {town} is lit by keeper number {4100 + number}.")
        files[f"{town.lower()}.txt"] = "\n\n".join(filler).encode()
    return files


def question_about(name):
    return QUESTIONS.get(name) or f"Which keeper lights the lamp of {name.removesuffix('.txt').capitalize()}?"


def settle(server):
    """Delivers everything, moving the clock to when failed messages come back; answers by how many seconds."""
    moved = 0
    for _ in range(2 * MAX_DELIVERIES):
        left = server.local("drain", {})
        if not any(left.values()):
            break
        moved += VISIBILITY_S + 1
        server.local("clock", {"advance_seconds": VISIBILITY_S + 1})
    return moved


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
        deliveries = server.messages()
        hit["start"] += at_start
        hit["an upload"] += uploads > 0
        hit["indexing"] += bool(deliveries) and not at_start
        print(f"kill {number:2}  {moment:5.3f} s after {'spawn' if at_start else 'ready'}  "
              f"{uploads} uploads under way, {len(deliveries)} messages with a worker", flush=True)
        if max(deliveries, default=0) >= MAX_DELIVERIES - 1:
            # A fifth killed delivery would be the last one: that is what `give_up` is about.
            server.start()
            server.local("drain", {})
            server.kill()
            hit["pause"] += 1
    return hit


def check_set(account, expected, files, wrong):
    """One account's documents and objects, once everything has settled."""
    listed = {document["id"]: document for document in account.documents()}
    for missing in account.acknowledged.keys() - listed.keys():
        wrong.append(f"{account.acknowledged[missing]} was acknowledged as {missing} and is not there")
    unasked = collections.Counter(document["file_name"] for id, document in listed.items()
                                  if id not in account.acknowledged)
    for name, count in (unasked - account.lost).items():
        wrong.append(f"{name} is there {count} times more than it was acknowledged, {account.lost[name]} answers were lost")
    folder = account.server.folder / "s3" / "parlance" / "t" / account.org / "d"
    stored = collections.defaultdict(list)
    for file in folder.rglob("*"):
        if file.is_file():
            stored[file.relative_to(folder).parts[0]].append(file)
    for id, document in listed.items():
        name = document["file_name"]
        state = (document["status"], document["error_code"], document["chunks"])
        if state != expected[name]:
            wrong.append(f"{name} {id} is {state} and must be {expected[name]}")
        files_of = sorted(file.suffix or file.name for file in stored.pop(id, []))
        if files_of != ([".seg", "source"] if document["status"] == "ready" else ["source"]):
            wrong.append(f"{name} {id}, {document['status']}, has the objects {files_of}")
        elif digest((folder / id / "source").read_bytes()) != digest(files[name]):
            wrong.append(f"{name} {id} is not what was uploaded")
    for id, left in stored.items():
        wrong.append(f"objects of no document: {[file.name for file in left]} of {id}")
    return len(listed)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def check_answers(account, expected, wrong):
    """Asks about each document over all that were acknowledged; answers how many citations there were."""
    documents = account.acknowledged.keys() & {document["id"] for document in account.documents()}
    bot = account.call("POST", "/api/v1/chatbots", {"name": "All", "documents": sorted(documents)})
    citations = 0
    for name in [name for name, state in expected.items() if state[0] == "ready" and name != "protected.pdf"]:
        session = account.call("POST", "/api/chat/sessions", {"chatbotId": bot["id"]})
        answer = account.call("POST", f"/api/chat/sessions/{session['id']}/messages", {"content": question_about(name)})
        sources = answer["sources"]
        cited = collections.Counter((s["name"], s["page"], s["heading"], s["excerpt"]) for s in sources)
        citations += len(sources)
        if doubled := [source for source, count in cited.items() if count > 1]:
            wrong.append(f"{question_about(name)!r} cites twice: {doubled}")
        # The protected file holds the same text as the handbook.
        if name not in {s["name"].replace("protected", "meridian-handbook") for s in sources}:
            wrong.append(f"{question_about(name)!r} does not cite {name}: {answer['content']!r}")
    return citations


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
        if server.messages() != [kills]:
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
