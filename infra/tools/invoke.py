"""Sends events to the real binaries of the functions, the way Lambda does, and prints what comes back.

    invoke.py FUNCTION EVENT.json   one event; prints what the gateway would send to the client
    invoke.py --all                 all of events/, compared with events/expected.json
    invoke.py --sam FUNCTION EVENT.json --api URL
                                    writes what `sam local invoke` needs for the same, and prints its command

Without --api and --services, an ephemeral `parlance` is started for it on free ports.
"""

import argparse
import base64
import json
import subprocess
import sys
from pathlib import Path

# The folder of the tools stays as it is in the repository.
sys.dont_write_bytecode = True

from local_stack import Placeholders, Stack  # noqa: E402
from runtime_api import Function  # noqa: E402

# What a container calls the machine that it runs on.
HOST_OF_CONTAINERS = "host.docker.internal"
EVENTS = Path(__file__).resolve().parents[2] / "events"


def binary(name):
    command = ["cargo", "metadata", "--format-version=1", "--no-deps", "--manifest-path", EVENTS.parent / "Cargo.toml"]
    metadata = subprocess.run(command, check=True, capture_output=True)
    path = Path(json.loads(metadata.stdout)["target_directory"]) / "debug" / name
    if not path.is_file():
        sys.exit(f"{path} is missing: cargo build --package {'local' if name == 'parlance' else name} --bin {name}")
    return path


def stack(arguments):
    if arguments.api is None:
        return Stack.start(binary("parlance"))
    given = Stack(arguments.api.rstrip("/"), arguments.services.rstrip("/"))
    given.wait()
    return given


def as_sent(text):
    """The event with its body in base64: the gateway takes every body for bytes (`BinaryMediaTypes`)."""
    event = json.loads(text)
    if isinstance(event.get("body"), str) and event.get("isBase64Encoded") is False:
        event["body"], event["isBase64Encoded"] = base64.b64encode(event["body"].encode()).decode(), True
    return json.dumps(event, indent=2)


def show(answer):
    if answer.error is not None:
        print(answer.error, file=sys.stderr)
    elif answer.status() is None:
        print(json.dumps(answer.head, indent=2))
    else:
        print(answer.status())
        for name, value in answer.headers():
            print(f"{name}: {value}")
        print(flush=True)
        sys.stdout.buffer.write(answer.body)
        print()


def summary(answer):
    if answer.error is not None:
        return f"error: {answer.error[:300]}"
    what = json.dumps(answer.head) if answer.status() is None else f"{answer.status()}, {len(answer.body)} bytes"
    first, last = (f"{seconds * 1000:.0f}" for seconds in (answer.arrivals[0], answer.arrivals[-1]))
    if answer.streamed:
        return f"{what}, streamed in {len(answer.arrivals)} parts, {first} to {last} ms"
    return f"{what}, {last} ms"


def deviation(answer, expected):
    """How an answer differs from what events/expected.json says; none when it does not."""
    if answer.error is not None:
        return answer.error
    if "answer" in expected:
        return None if answer.head == expected["answer"] else f"expected {json.dumps(expected['answer'])}"
    text = answer.body.decode(errors="replace")
    if answer.status() != expected["status"]:
        return f"expected {expected['status']}: {text}"
    missing = [part for part in expected["holds"] if part not in text]
    if missing:
        return f"{missing[0]!r} is missing in {text}"
    is_events = ("content-type", "text/event-stream") in answer.headers()
    if is_events and len(answer.arrivals) < 3:
        return f"an event stream in {len(answer.arrivals)} parts is not streamed"
    return None


def replay(stack):
    placeholders = Placeholders(stack, EVENTS)
    expected = json.loads(placeholders.fill((EVENTS / "expected.json").read_text()))
    found = {event.relative_to(EVENTS).as_posix() for event in EVENTS.glob("*/*.json")}
    failed = sorted(found ^ expected.keys())
    for name in failed:
        print(f"FAILED  {name}: without an expected answer, or without an event")
    names = sorted(found & expected.keys())
    for function in sorted({name.split("/")[0] for name in names}):
        with Function(function, binary(function), stack.function_environment(function)) as running:
            for name in (name for name in names if name.startswith(f"{function}/")):
                answer = running.send(as_sent(placeholders.fill((EVENTS / name).read_text())))
                wrong = deviation(answer, expected[name])
                print(f"{'FAILED' if wrong else 'ok':<7} {name}: {summary(answer)}", flush=True)
                if wrong:
                    print(f"        {wrong}")
                    failed.append(name)
    print(f"{len(found | expected.keys()) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not names else 0


def invoke(stack, function, event):
    text = as_sent(Placeholders(stack, EVENTS).fill(event.read_text()))
    with Function(function, binary(function), stack.function_environment(function)) as running:
        answer = running.send(text)
    show(answer)
    return 0 if answer.error is None else 1


def sam(stack, function, event):
    """Writes the event and the variables for a container that reaches this machine as `host.docker.internal`."""
    folder = EVENTS.parent / "target" / "sam"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "event.json").write_text(as_sent(Placeholders(stack, EVENTS).fill(event.read_text())))
    services = stack.services.replace("localhost", HOST_OF_CONTAINERS).replace("127.0.0.1", HOST_OF_CONTAINERS)
    variables = Stack(stack.api, services).function_environment(function)
    # The credentials it takes from the shell, and nothing of an account's.
    credentials = " ".join(f"{name}={variables.pop(name)}" for name in
                           ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"])
    id = "".join(part.capitalize() for part in function.split("_")) + "Function"
    (folder / "env.json").write_text(json.dumps({id: variables}, indent=2))
    print(f"{credentials} sam local invoke {id} --event {folder / 'event.json'} --env-vars {folder / 'env.json'} "
          f"--add-host {HOST_OF_CONTAINERS}:host-gateway")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("function", nargs="?")
    parser.add_argument("event", nargs="?", type=Path)
    parser.add_argument("--all", action="store_true", help="replay all of events/")
    parser.add_argument("--sam", action="store_true", help="write what `sam local invoke` needs, and print its command")
    parser.add_argument("--api", metavar="URL", help="API of a running `parlance`, as in http://localhost:8000")
    parser.add_argument("--services", metavar="URL", default="http://localhost:4566", help="its AWS services")
    arguments = parser.parse_args()
    if arguments.sam and not arguments.api:
        parser.error("--sam needs --api: the event is for a `parlance` that goes on running")
    if not (arguments.all or arguments.event):
        parser.error("what shall be sent?")
    with stack(arguments) as running:
        if arguments.sam:
            return sam(running, arguments.function, arguments.event)
        return replay(running) if arguments.all else invoke(running, arguments.function, arguments.event)


if __name__ == "__main__":
    sys.exit(main())
