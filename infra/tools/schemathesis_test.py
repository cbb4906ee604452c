#!/usr/bin/env python3
"""Has schemathesis send what the OpenAPI document describes (in snake_case: camelCase has the same handlers) to a running
`parlance`, signed in as a user and as a platform admin. No answer may be a 5xx, and a
valid request may be refused only where `REFUSED` says why."""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from local_stack import PASSWORD, Stack, start_double

HERE = Path(__file__).resolve().parent
ADMIN = "root@example.com"
# They end the session that the other operations are called with.
EXCLUDED = "^(logout|logout_all|delete_user|end_sign_in_session|leave_org|change_password|set_user_status)(_api|_me)?$"
# Valid by their schema, and refused for what only the server knows: operation, and why.
REFUSED = [
    (r"POST /api/v1/auth/(reset-password|verify-email|restore-email)/confirm", "the token comes from a mail"),
    (r"POST /api/v1/(auth/register|users)", "a leaked password, such as 00000000"),
    (r"POST /api/v1/orgs/\{org_id\}/transfer", "the caller cannot be the new owner"),
    (r"POST /v1/embeddings", "a model that creates no embeddings"),
    (r"POST /v1/chat/completions", "no message of a user is in the list"),
    (r"PUT /api/v1/users/(me|\{user_id\})", "a new address needs the current password"),
    (r"POST /api/v1/documents/uploads?", "random bytes, or a random name, are no document"),
    (r"(POST|PATCH) /api/v1/orgs(/\{org_id\})?", "a random text is no time zone"),
    (r"(POST|PUT) /api/v1/chatbots(/\{chatbot_id\})?", "a whole number that is written as 1.0"),
]
FEWER_THAN = 10
# Beyond what the plan allows each further request is refused: that says nothing about requests.
FULL = ("limit_reached", "the plan allows no more")


def run(tool, stack, token, arguments, report):
    command = [
        tool, "--config-file", report.parent / "none.toml", "run", f"{stack.api}/openapi-snake-case.json", "--url", stack.api,
        "--header", f"Authorization: Bearer {token}", "--workers", "1", "--seed", str(arguments.seed),
        "--max-examples", str(arguments.examples), "--phases", "examples,coverage,fuzzing",
        "--checks", "not_a_server_error,positive_data_acceptance", "--exclude-operation-id-regex", EXCLUDED,
        "--suppress-health-check", "all", "--no-color",
    ]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE / "schemathesis")}
    with report.open("w") as output:
        # It keeps what it found where it runs, and would begin with that the next time.
        subprocess.run(command, cwd=report.parent, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False)
    return report.read_text()


def failures(text):
    """Operation, check and status of each failure in a report."""
    if "SUMMARY" not in text:
        raise SystemExit(text[-3000:])
    found = []
    for block in re.split(r"\n(?=_{2,} )", text[text.find(" FAILURES "):]):
        title = re.match(r"_+ (.+?) _+\n", block)
        for case in re.split(r"\n(?=\d+\. Test Case)", block) if title else ():
            status, checks = re.search(r"\n\[(\d+)\]", case), re.findall(r"^- (ST\d+) ", case, re.MULTILINE)
            found += [(title[1], check, status and status[1], case) for check in checks]
    return found


def explained(operation, case):
    code, reason = FULL
    if code in case:
        return reason
    return next((reason for pattern, reason in REFUSED if re.fullmatch(pattern, operation)), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--examples", type=int, default=5, help="random requests for each operation")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    tool = Path(sys.executable).with_name("schemathesis")
    models, url = start_double(arguments.binary)
    os.environ.update({"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-double", "PARLANCE_ADMIN_EMAIL": ADMIN,
                       "PARLANCE_ADMIN_PASSWORD": PASSWORD})
    wrong = 0
    try:
        for email in ["ada@example.com", ADMIN]:
            with Stack.start(arguments.binary) as stack, tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "none.toml").touch()
                path, body = "/api/v1/auth/login", {"email": email, "password": PASSWORD}
                if email != ADMIN:
                    path = "/api/v1/auth/register"
                token = stack.call("POST", path, body)["access_token"]
                if email != ADMIN:
                    # Keys may have any scope of an account whose address is verified.
                    stack.verify(email)
                text = run(tool, stack, token, arguments, Path(folder) / "report.txt")
            all_failures = failures(text)
            all_failures = [each for each in all_failures if each[1] != "ST202" or explained(each[0], each[3]) != FULL[1]]
            refused = [each for each in all_failures if each[1] == "ST202" and explained(each[0], each[3])]
            operations = {operation for operation, *_ in refused}
            for operation, check, status, case in all_failures:
                reason = explained(operation, case) if check == "ST202" else None
                print(f"  {'ok' if reason else '!!'}  {email}: {status} {operation}: {reason or case}", flush=True)
            wrong += len(all_failures) - len(refused)
            if len(operations) >= FEWER_THAN:
                wrong += 1
            print(f"{email}: {re.search(r'[0-9]+ generated', text)[0]}, {len(operations)} operations refused with a reason", flush=True)
    finally:
        models.terminate()
        models.wait()
    if wrong:
        sys.exit(f"failed: {wrong} without a reason, or {FEWER_THAN} operations and more")


if __name__ == "__main__":
    main()
