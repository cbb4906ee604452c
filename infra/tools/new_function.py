#!/usr/bin/env python3
"""Starts a new function: its crate, its declaration, its part of template.yaml and its event. Prints what remains.

A function is copied from one of the same kind, so what all functions of that kind have in common is written once."""

import argparse
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The function that is copied, by kind.
PATTERNS = {"http": "audit", "queue": "export_user", "schedule": "reset_quotas"}

# Resources and outputs of one function.
PARTS = "Function|Role|Log|Queue|DeadLetters|DeadLettersAlarm|WaitAlarm|SilentAlarm|QueueUrl|DeadLettersUrl"

MAIN = """//! The `{name}` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {{
    runtime::{run}.await
}}
"""
LIB = {
    "http": """//! What this function is for, in one sentence.

use http_api::Api;

/// Returns the operations of this function.
pub fn api() -> Api {{
    Api::new("Group in the API document")
}}
""",
    "queue": """//! Worker: what it does, in one sentence.

use app::{{App, BoxFuture, Delivery}};
use domain::{{{pascal}Message, Result}};
use runtime::Job;

/// Consumes the queue `{name}`.
#[derive(Debug)]
pub struct {pascal};

impl Job for {pascal} {{
    type Message = {pascal}Message;

    fn run(app: App, message: {pascal}Message, _: Delivery) -> BoxFuture<'static, Result<()>> {{
        Box::pin(async move {{ app.{name}(&message).await }})
    }}
}}
""",
    "schedule": """//! Schedule: what it does, in one sentence.

use std::time::Duration;

use app::{{App, BoxFuture}};
use domain::Result;
use runtime::Schedule;

/// Runs every 15 minutes.
#[derive(Debug)]
pub struct {pascal};

impl Schedule for {pascal} {{
    const NAME: &'static str = "{name}";
    const INTERVAL: Duration = Duration::from_mins(15);

    fn run(app: App) -> BoxFuture<'static, Result<()>> {{
        Box::pin(async move {{ app.{name}().await }})
    }}
}}
""",
}
RUN = {
    "http": "serve({name}::api())",
    "queue": "consume::<{name}::{pascal}>()",
    "schedule": "on_schedule::<{name}::{pascal}>()",
}
DEPENDENCIES = {
    "http": ["http_api", "runtime", "tokio"],
    "queue": ["app", "domain", "runtime", "tokio"],
    "schedule": ["app", "domain", "runtime", "tokio"],
}
DECLARATION = {
    "http": 'http("{name}", {name}::api)',
    "queue": "queue::<{name}::{pascal}>()",
    "schedule": "schedule::<{name}::{pascal}>()",
}
REMAINS = {
    "http": """
  1. functions/{name}/src/lib.rs: write its operations, one line each, with their handlers
  2. template.yaml: the folder of their paths below {pascal}Function, and the permissions they use in {pascal}Role
  3. tests/api/policy.tsv and tests/api/matrix/requests.rs: a row and a valid body for each
  4. events/{name}/: an event, and what it is answered in events/expected.json
  5. tests/api/{name}.rs: success, wrong role, another tenant, invalid input, races
  6. `make openapi`, and `PARLANCE_UPDATE_NAMES=1 make test TEST=drift`; review what changed""",
    "queue": """
  1. shared/domain: write {pascal}Message, and export it in lib.rs
  2. shared/app: write `App::{name}`, which may run twice for a message
  3. where the message is sent: `self.queues.send(&message)`, and sqs:SendMessage for that function in template.yaml
  4. template.yaml: the permissions in {pascal}Role, the texts of its alarms, its time limit and that of its queue
  5. events/{name}/sqs.json: a body that succeeds and one that fails; events/expected.json names the second
  6. tests/jobs/{name}.rs: success, a repeated delivery, a failure
  7. `PARLANCE_UPDATE_NAMES=1 make test TEST=drift`; review what changed""",
    "schedule": """
  1. shared/app: write `App::{name}`, which may run twice, late or never
  2. functions/{name}/src/lib.rs and template.yaml: its interval, and the permissions in {pascal}Role
  3. tests/jobs/{name}.rs: a run, a second run, a run that was missed
  4. `PARLANCE_UPDATE_NAMES=1 make test TEST=drift`; review what changed""",
}


def pascal(name):
    return "".join(part.capitalize() for part in name.split("_"))


class Copy:
    """A function to write, and the one it is copied from."""

    def __init__(self, kind, name):
        self.kind, self.name, self.pattern = kind, name, PATTERNS[kind]

    def fill(self, text):
        return text.format(name=self.name, pascal=pascal(self.name))

    def renamed(self, text):
        here, upper = self.pattern, self.pattern.upper()
        text = re.sub(rf"\b{pascal(here)}(?={PARTS})", pascal(self.name), text)
        return re.sub(rf"\b{here}\b", self.name, text).replace(f"QUEUE_{upper}", f"QUEUE_{self.name.upper()}")

    def owns(self, resource):
        """Whether a resource belongs to the function that is copied: the table `AuditTable` is none of `audit`."""
        return re.fullmatch(f"{pascal(self.pattern)}(?:{PARTS})", resource)

    def mentioned(self, text):
        """Whether the text names the function that is copied, or a resource of it."""
        here = self.pattern
        return re.search(rf"-{here}\b|\b{pascal(here)}(?:{PARTS})\b|QUEUE_{here.upper()}\b", text)


def edit(path, change):
    path = ROOT / path
    before = path.read_text()
    after = change(before)
    if after == before:
        raise SystemExit(f"{path}: nothing to copy was found")
    path.write_text(after)


def insert_after(pattern, line):
    """Adds a line after the last one that matches."""

    def change(text):
        places = list(re.finditer(rf"^.*(?:{pattern}).*\n", text, re.MULTILINE))
        return text[: places[-1].end()] + line + "\n" + text[places[-1].end() :] if places else text

    return change


def write_crate(copy):
    folder = ROOT / "functions" / copy.name
    (folder / "src").mkdir(parents=True)
    manifest = (ROOT / "functions" / copy.pattern / "Cargo.toml").read_text().partition("[dependencies]\n")[0]
    dependencies = "".join(f"{name}.workspace = true\n" for name in DEPENDENCIES[copy.kind])
    (folder / "Cargo.toml").write_text(f"{copy.renamed(manifest)}[dependencies]\n{dependencies}")
    (folder / "src/main.rs").write_text(MAIN.format(name=copy.name, run=copy.fill(RUN[copy.kind])))
    (folder / "src/lib.rs").write_text(copy.fill(LIB[copy.kind]))


def declare(copy):
    here = copy.name
    edit("Cargo.toml", insert_after(r'^\w+ = \{ path = "functions/', f'{here} = {{ path = "functions/{here}" }}'))
    edit("infra/local/Cargo.toml", insert_after(r"^users\.workspace", f"{here}.workspace = true"))
    # Before `send_mail`: it is drained last, because the others send to its queue.
    last = {"http": r"^        http\(", "queue": r"^        queue::<export_user", "schedule": r"^        schedule::<"}
    line = f"        {copy.fill(DECLARATION[copy.kind])},"
    edit("infra/local/src/functions.rs", insert_after(last[copy.kind], line))
    table = {"http": "HTTP", "queue": "queue", "schedule": "schedule"}[copy.kind]
    edit("functions/README.md", lambda text: re.sub(rf"^(\| {table} \| .*) \|$", rf"\1 `{here}` |", text, flags=re.M))
    if copy.kind == "queue":
        message = f"\nimpl Message for crate::{pascal(here)}Message {{\n    const QUEUE: Queue = Queue::{pascal(here)};\n}}"
        variant = f"    /// What its messages are for.\n    {pascal(here)},"
        edit("shared/domain/src/queue.rs", insert_after(r"^    ExportUser,$", variant))
        edit("shared/domain/src/queue.rs", lambda text: f"{text.rstrip()}\n{message}\n")


def own_statements(copy, role):
    """A role without what only the copied function does: the statements that all functions of the kind have remain."""
    head, mark, statements = role.partition("            Statement:\n")
    each = re.split(r"(?m)^(?=(?: +#.*\n)* +- Effect: Allow$)", statements)
    if copy.kind == "http":
        kept = [text for text in each if "/index/by_" not in text]
    else:
        kept = [text for text in each if copy.mentioned(text)]
    return head + mark + "".join(kept).rstrip() + "\n\n"


def deploy(copy):
    """Copies the resources and the lines of template.yaml that name the pattern."""

    def change(text):
        # A resource begins after two spaces, with the comment above it.
        blocks = re.split(r"(?m)^(?=(?:  # .*\n)*  [A-Z]\w+:\n)", text)
        return numbered("".join(with_copy(copy, block) for block in blocks))

    edit("template.yaml", change)


def with_copy(copy, block):
    """A resource, followed by its copy if it belongs to the function that is copied."""
    name = re.search(r"^  ([A-Z]\w+):$", block, re.MULTILINE)
    name = name.group(1) if name else ""
    if not copy.owns(name):
        return lines(copy, block, name)
    # The heading of the next part of the template may stand at its end.
    own, mark, heading = block.partition("  # ---")
    added = own
    if name.endswith("Role"):
        added = own_statements(copy, own)
    elif name.endswith("Function"):
        added = re.sub(r"(?m)^        \w+: \{ Type: Api.*\n", "", own)
        added = re.sub(r"(?m)^      # .*\n", "", added)
    added = re.sub(r"(?m)^  # .*\n", "", added)
    return own + copy.renamed(added) + mark + heading


def lines(copy, block, name):
    """Repeats the lines that name the pattern, except in the roles of those who send to its queue."""
    if name.endswith("Role") and "sqs:GetQueueAttributes" not in block:
        return block
    out = []
    for line in block.splitlines(keepends=True):
        out.append(line)
        if copy.mentioned(line) and not line.lstrip().startswith("#"):
            # The last element of a list of the dashboard closes it.
            closing = re.search(r"\](\]\}\},?)$", line.rstrip("\n"))
            if closing:
                out[-1] = line.replace(closing.group(1), ",")
            out.append(copy.renamed(line))
    return "".join(out)


def numbered(text):
    """Numbers the metrics of alarms that are sums of several, in their order."""

    def count(found):
        block, number = found.group(0), iter(range(1000))
        block = re.sub(r"\{ Id: m\d+,", lambda _: f"{{ Id: m{next(number)},", block)
        total = "+".join(f"m{each}" for each in range(next(number)))
        return re.sub(r"Expression: m0[+m\d]*", f"Expression: {total}", block)

    return re.sub(r"(?m)^ +- \{ Id: total, Expression: m0.*\n(?: +- \{ Id: m\d+.*\n)+", count, text)


def add_event(copy):
    if copy.kind == "http":
        return
    folder = ROOT / "events" / copy.name
    folder.mkdir()
    pattern = ROOT / "events" / copy.pattern
    for event in pattern.iterdir():
        (folder / event.name).write_text(copy.renamed(event.read_text()))
        answer = re.search(rf'(?ms)^  "{copy.pattern}/{event.name}": \{{\n.*?^  \}},\n', (ROOT / "events/expected.json").read_text())
        edit("events/expected.json", lambda text: text.replace(answer.group(0), answer.group(0) + copy.renamed(answer.group(0))))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(PATTERNS))
    parser.add_argument("name", help="lower case letters, digits and _; groups of HTTP operations are plural nouns, others verbs")
    arguments = parser.parse_args()
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", arguments.name):
        parser.error("NAME: lower case letters, digits and _")
    if (ROOT / "functions" / arguments.name).exists():
        parser.error(f"functions/{arguments.name} exists already")
    copy = Copy(arguments.kind, arguments.name)
    for step in (write_crate, declare, deploy, add_event):
        step(copy)
    print(f"functions/{copy.name} is declared. What remains:{copy.fill(REMAINS[copy.kind])}")


if __name__ == "__main__":
    main()
