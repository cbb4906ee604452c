#!/usr/bin/env python3
"""Connects `parlance` to a real PostgreSQL server: TLS, passwords, roles, types, time limits, a server that dies.

The server is started here, from Debian's packages, on a port of its own. With --sql-eval FOLDER (a folder with the
files `*_postgres.csv` of defog's sql-eval, and `defog-data/*.sql` beside them), the gold queries are guarded, and must
return the same rows as before. With --cases FILE (JSON lines with `dialect`, `sql`, `expect`), what must be rejected is."""

import argparse
import collections
import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from local_stack import PASSWORD, Stack, free_ports  # noqa: E402
from postgres_server import ROLES, Server  # noqa: E402

SCHEMA = """
CREATE ROLE reader LOGIN PASSWORD 'reader''s password';
CREATE ROLE writer LOGIN PASSWORD 'writer''s password';
CREATE ROLE stranger LOGIN PASSWORD 'reader''s password';
CREATE ROLE nobody LOGIN PASSWORD 'reader''s password';
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE TYPE mood AS ENUM ('calm', 'glad');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE kinds (id integer PRIMARY KEY, exact numeric, price numeric(12, 2), flag boolean, day date, at timestamp,
  at_zone timestamptz, clock time, span interval, doc jsonb, key uuid, numbers integer[], words text[], bytes bytea, feeling mood,
  host inet, single real, twice double precision, code char(3), range int4range, count positive);
INSERT INTO kinds VALUES (1, 12345678901234567890.5, 9.90, true, '2026-11-30', '2026-11-30 18:05:00.25',
  '2026-11-30 18:05:00+02', '18:05', '1 day 02:00', '{"a": [1]}', '01a22b48-cc5e-7000-90c1-2e1860404a19', '{1,NULL,3}',
  '{"a,b","c"}', '\\x00ff', 'glad', '10.0.0.1', 0.1, 0.1, 'ab', '[1,5)', 7);
INSERT INTO kinds (id) VALUES (2);
CREATE TABLE "Odd ""name" ("Select" integer);
CREATE TABLE many AS SELECT number AS id, (ARRAY['red', 'green', 'blue'])[number % 3 + 1] AS color, DATE '2026-01-01' + number % 300 AS day
  FROM generate_series(1, 5000) AS number;
COMMENT ON TABLE many IS 'Five thousand.'; COMMENT ON COLUMN many.color IS 'One of three.';
CREATE SCHEMA sales;
CREATE TABLE sales.many (id integer PRIMARY KEY, kind integer REFERENCES public.kinds);
INSERT INTO sales.many VALUES (1, 1);
CREATE FUNCTION public.lower(sales.many) RETURNS text LANGUAGE sql AS $$ SELECT 'another lower' $$;
CREATE VIEW few AS SELECT color, count(*) AS number FROM many GROUP BY color;
GRANT USAGE ON SCHEMA sales TO reader, writer;
GRANT SELECT ON ALL TABLES IN SCHEMA public, sales TO reader;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public, sales TO writer;
CREATE TABLE hidden (id integer);
ANALYZE;
"""
TYPED = {
    "exact": ("12345678901234567890.5", "real"), "price": (9.9, "real"), "flag": (True, "boolean"), "day": ("2026-11-30", "date"),
    "at": ("2026-11-30 18:05:00.25", "datetime"), "at_zone": ("2026-11-30 16:05:00", "datetime"), "clock": ("18:05:00", "text"),
    "span": ("1 day 02:00:00", "text"), "doc": ('{"a": [1]}', "text"), "key": ("01a22b48-cc5e-7000-90c1-2e1860404a19", "text"),
    "numbers": ([1, None, 3], "unknown"), "words": (["a,b", "c"], "unknown"), "bytes": ("00ff", "blob"), "feeling": ("glad", "text"),
    "host": ("10.0.0.1/32", "text"), "single": (0.1, "real"), "twice": (0.1, "real"), "code": ("ab ", "text"), "range": ("[1,5)", "text"),
    "count": (7, "integer"),
}
# Nobody listens there.
CLOSED = 9
CROSS_JOIN = "SELECT count(*) FROM many AS a CROSS JOIN many AS b CROSS JOIN many AS c CROSS JOIN many AS d WHERE a.id + b.id + c.id + d.id = 7"
ENDLESS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"


class Client:
    """Somebody with a data source."""

    def __init__(self, stack, server):
        self.stack, self.server, self.id = stack, server, None
        account = {"email": "ada@example.com", "password": PASSWORD}
        self.token = self.call("POST", "/api/v1/auth/register", account)["access_token"]

    def call(self, method, path, body=None, expected=200):
        headers = {"Authorization": f"Bearer {self.token}"} if hasattr(self, "token") else {}
        if body is not None:
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(self.stack.api + path, body, headers, method=method)
        try:
            answer = urllib.request.urlopen(request, timeout=90)
            status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        found = json.loads(text) if text else {}
        assert status // 100 == expected // 100, f"{method} {path}: {status} {found}"
        return found

    def connection(self, **changes):
        return {"host": "localhost", "port": self.server.port, "database": "postgres", "user": "reader", "password": ROLES["reader"],
                "ca_certificate": self.server.authority.read_text(), **changes}

    def connect(self, **changes):
        """Creates the data source, or replaces its connection; returns it when it was read."""
        connection = {name: value for name, value in self.connection(**changes).items() if value is not None}
        if self.id is None:
            self.id = self.call("POST", "/api/v1/data_sources/connect", {"default": True, "connection": connection})["id"]
        else:
            self.call("PUT", f"/api/v1/data_sources/{self.id}/connection", connection)
        for _ in range(600):
            source = self.call("GET", f"/api/v1/data_sources/{self.id}")
            if source["status"] != "pending":
                return source
            time.sleep(0.05)
        raise SystemExit("the catalog was not read")

    def query(self, sql, expected=200):
        while True:
            try:
                return self.call("POST", "/api/v1/query", {"sql": sql}, expected)
            except AssertionError as error:
                if "too_many_queries" not in str(error):
                    raise
                time.sleep(1)


def check(name, found, expected):
    if found != expected:
        raise SystemExit(f"FAILED {name}\n  found    {found}\n  expected {expected}")
    print(f"ok  {name}")


def refusals(client, server):
    """Each way in which a server does not let us in, by its code."""
    cases = [
        ("a wrong password", {"password": "wrong"}, "credentials_rejected"),
        ("a user who does not exist", {"user": "missing"}, "credentials_rejected"),
        ("a database that does not exist", {"database": "missing"}, "no_database"),
        ("a user whom pg_hba.conf rejects", {"user": "nobody"}, "connection_rejected"),
        ("no TLS where the server wants it", {"tls": "disable", "ca_certificate": None}, "connection_rejected"),
        ("another authority", {"ca_certificate": server.other_authority.read_text()}, "certificate_invalid"),
        ("an authority that nobody knows", {"ca_certificate": None}, "certificate_invalid"),
        ("a certificate of another name", {"host": "127.0.0.1"}, "certificate_invalid"),
        ("a superuser", {"user": "owner", "password": ROLES["owner"]}, "role_too_powerful"),
        ("a user without tables", {"user": "stranger"}, "no_tables"),
        ("schemas without tables", {"schemas": ["nowhere"]}, "no_tables"),
        ("a port that is closed", {"port": CLOSED}, "server_unreachable"),
    ]
    for name, changes, code in cases:
        source = client.connect(**changes)
        check(name, (source["status"], source["error_code"]), ("failed", code))
        if code not in ("role_too_powerful", "no_tables"):
            tested = client.call("POST", f"/api/v1/data_sources/{client.id}/test", {}, 422)
            check(f"the test of it says {code}", tested["code"], code)
    source = client.connect(host="127.0.0.1", tls="require", ca_certificate=None)
    check("any certificate with `require`", source["status"], "ready")
    source = client.connect(user="writer", password=ROLES["writer"])
    check("a user who may write is reported", (source["status"], len(source["warnings"])), ("ready", 1))


def catalog(client):
    source = client.connect()
    check("the catalog is read", (source["status"], source["tables"], source["warnings"]), ("ready", 5, []))
    schema = client.call("GET", "/api/v1/schema")
    tables = {table["name"]: table for table in schema["tables"]}
    check("tables", sorted(tables), ['Odd "name', "few", "kinds", "many", "sales.many"])
    many = tables["many"]
    columns = {column["name"]: column for column in many["columns"]}
    check("comments and estimates", (many["description"], many["row_count"], columns["color"]["description"]),
          ("Five thousand.", 5000, "One of three."))
    check("values from statistics", sorted(columns["color"]["sample_values"]), ["blue", "green", "red"])
    check("ends from statistics", (columns["day"]["minimum"], columns["day"]["maximum"]), ("2026-01-01", "2026-10-27"))
    check("a view has no estimate", tables["few"]["row_count"], None)
    keys = tables["sales.many"]["foreign_keys"][0]
    check("keys", (tables["kinds"]["primary_key"], keys["columns"], keys["references_table"]), (["id"], ["kind"], "kinds"))
    feeling = next(column for column in tables["kinds"]["columns"] if column["name"] == "feeling")
    check("values of a small table", feeling["sample_values"], ["glad"])


def types(client):
    found = client.query(f"SELECT {', '.join(TYPED)} FROM kinds ORDER BY id")
    typed = {column["name"]: (value, column["type"]) for column, value in zip(found["columns"], found["rows"][0])}
    for name, expected in TYPED.items():
        check(f"type of {name}", typed[name], expected)
    check("missing values", set(map(str, found["rows"][1])), {"None"})
    check("names with capitals and quotation marks", client.query('SELECT "Select" FROM "Odd ""name"')["rows"], [])
    check("the table of the first schema", client.query("SELECT count(*) FROM many")["rows"], [[5000]])
    check("the table of another schema", client.query("SELECT count(*) FROM sales.many")["rows"], [[1]])
    check("sums are exact", client.query("SELECT sum(id) AS s, 0.1 + 0.2 AS e FROM many")["rows"], [[12502500, 0.3]])
    check("a string is standard", client.query("SELECT 'a\\' AS s, length('\\n') AS l")["rows"], [["a\\", 2]])
    cut = client.query("SELECT id FROM many")
    check("rows are capped", (len(cut["rows"]), cut["truncated"]), (1000, True))
    wide = client.query("SELECT rpad('x', 100000) AS x FROM many")
    check("bytes are capped", (len(wide["rows"]) < 25, wide["truncated"]), (True, True))
    huge = client.query("SELECT rpad('x', 200000000)", 422)
    check("a value has a limit", huge["code"], "query_too_large")
    check("a table without SELECT", client.query("SELECT * FROM hidden", 422)["code"], "query_refused")
    for sql in ["SELECT 1/0", "SELECT 'x'::integer", "SELECT missing FROM many"]:
        check(f"{sql} fails", client.query(sql, 422)["code"], "sql_error")


def backends(server):
    return server.sql("postgres", "SELECT pid FROM pg_stat_activity WHERE application_name = 'Parlance' ORDER BY 1").split()


def limits(client, server):
    client.query("SELECT 1")
    before = backends(server)
    for name, sql in [("a cross join", CROSS_JOIN), ("an endless recursion", ENDLESS)]:
        began = time.monotonic()
        refused = client.query(sql, 422)
        took = time.monotonic() - began
        check(f"{name} ends", refused["code"], "query_timed_out")
        print(f"    after {took:.3f} s; the deadline is 10 s")
        assert took < 10.2, f"{name} took {took:.3f} s"
        check(f"the connection is usable after {name}", (client.query("SELECT 1")["rows"], backends(server)), ([[1]], before))
    active = server.sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'Parlance' AND state <> 'idle'")
    check("nothing still runs", active.strip(), "0")
    settings = server.sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'Parlance'").strip()
    check("one connection to one data source", settings, "1")
    statements = set(re.findall(r"statement: (.*)", (server.folder / "log").read_text()))
    own = {text for text in statements if text.startswith("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;") or text == "ROLLBACK"}
    known = re.compile(r"(CREATE|REVOKE|INSERT|COMMENT|GRANT|ANALYZE|SELECT pid|SELECT count|SET |DROP|ALTER|COPY|--)")
    check("the simple protocol carries nothing else", [text for text in statements - own if not known.match(text)][:3], [])


def dies(client, server):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(client.query(CROSS_JOIN, 503)))
    thread.start()
    time.sleep(1.5)
    server.kill()
    thread.join()
    # The connection that rested is opened again once, and nothing answers by then.
    check("a server that dies in the middle", answers[0]["code"] in ("connection_lost", "server_unreachable"), True)
    check("a server that is down", client.query("SELECT 1", 503)["code"], "server_unreachable")
    server.start()
    check("a server that is back", client.query("SELECT count(*) FROM many")["rows"], [[5000]])


def alternatives(text):
    """The queries of a gold answer: `{a, b}` names columns of which any will do, and `;` separates answers."""
    columns = re.search(r"\{([^{}]+)\}", text)
    text = re.sub(r"\{([^{}]+)\}", r"\1", text).replace("{}", columns.group(1) if columns else "")
    parts, quoted = [""], False
    for character in text:
        quoted ^= character == "'"
        if character == ";" and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def gold(server, judge, folder):
    """Guards the gold queries, and compares what they return."""
    queries = collections.defaultdict(list)
    for name in sorted(folder.glob("*_postgres.csv")):
        for row in csv.DictReader(open(name)):
            for text in alternatives(row["query"]):
                queries[row["db_name"]].append(text)
    counts, shown = collections.Counter(), []
    for database, texts in sorted(queries.items()):
        server.sql("postgres", f"CREATE DATABASE {database}")
        server.sql(database, (folder / "defog-data" / f"{database}.sql").read_text())
        schemas = server.sql(database, "SELECT string_agg(nspname, ',') FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'").strip()
        for schema in schemas.split(","):
            server.sql(database, f"GRANT USAGE ON SCHEMA {schema} TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader")
        tables = server.sql(database, f"SELECT string_agg(schemaname || '.' || tablename, ',') FROM pg_tables WHERE schemaname IN ('{schemas.replace(',', chr(39) + ',' + chr(39))}')").strip()
        lines = "".join("{}\t{}\n".format(tables, text.replace("\n", "\\n")) for text in texts)
        command = [str(judge), f"127.0.0.1:{server.port}", "localhost", database, "reader", str(server.authority)]
        done = subprocess.run(command, input=lines, text=True, capture_output=True, env={**os.environ, "PGPASSWORD": ROLES["reader"]})
        if done.returncode:
            raise SystemExit(done.stderr)
        for text, line in zip(texts, done.stdout.splitlines(), strict=True):
            verdict = line.split("\t")[0]
            counts[verdict] += 1
            if verdict in ("refused", "differs"):
                shown.append(f"    {database}: {line[:200]}\n      {text[:200]}")
    print("\n".join(shown))
    total = sum(counts.values())
    allowed = total - counts["refused"]
    print(f"gold queries: {total}, allowed {allowed} ({allowed / total:.2%}), same result {counts['same']}, "
          f"same error {counts['fails']}, different {counts['differs']}")
    assert allowed / total >= 0.99 and counts["differs"] == 0


def rejected(server, judge, file):
    """What must be rejected is, and what must be allowed is not refused for anything but a table that is not here."""
    cases = [case for case in map(json.loads, open(file)) if case["dialect"] == "postgres"]
    lines = "".join("{}\t{}\n".format(",".join(case.get("tables", ["customer", "orders"])), case["sql"].replace("\n", "\\n")) for case in cases)
    command = [str(judge), f"127.0.0.1:{server.port}", "localhost", "postgres", "reader", str(server.authority)]
    done = subprocess.run(command, input=lines, text=True, capture_output=True, env={**os.environ, "PGPASSWORD": ROLES["reader"]})
    accepted = [case["id"] for case, line in zip(cases, done.stdout.splitlines(), strict=True)
                if case["expect"] == "reject" and not line.startswith("refused")]
    count = sum(case["expect"] == "reject" for case in cases)
    check(f"{count} cases are rejected", accepted, [])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, type=pathlib.Path)
    parser.add_argument("--judge", required=True, type=pathlib.Path)
    parser.add_argument("--sql-eval", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--cases", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--port", type=int, help="of the server; a free one by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parlance-postgres-") as folder:
        server = Server(folder, options.port or free_ports(1)[0])
        server.create()
        server.start()
        try:
            server.sql("postgres", SCHEMA)
            hosts = [f"{host}:{port}" for host in ["localhost", "127.0.0.1"] for port in [server.port, CLOSED]]
            os.environ["ALLOW_PRIVATE_FETCH"] = ",".join(hosts)
            if options.cases:
                rejected(server, options.judge, options.cases)
            if options.sql_eval:
                gold(server, options.judge, options.sql_eval)
            with Stack.start(options.binary) as stack:
                client = Client(stack, server)
                catalog(client)
                types(client)
                limits(client, server)
                dies(client, server)
                refusals(client, server)
        finally:
            server.stop()
    print("all checks passed")


if __name__ == "__main__":
    main()
