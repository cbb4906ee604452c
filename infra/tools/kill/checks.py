"""What must be true once everything has settled."""

import collections
import hashlib

from .samples import question_about


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
    account.upgrade()
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
