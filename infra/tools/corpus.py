#!/usr/bin/env python3
"""Measures how well PDF files are read: the extractor's text beside that of poppler's `pdftotext`, file by file.

    corpus.py --binary target/release/examples/extract_text [--only PART] [--worst 15] [--compare pypdf]

The files are those of corpus.tsv: a Debian package and a path in it a line. Packages are downloaded once into the cache folder
(`apt-get download`; a machine with Debian's or Ubuntu's packages) and nothing of them is kept in the repository. Needs
`poppler-utils` and `dpkg`.

Words are runs of letters and digits in NFKC, lower case; Chinese and Japanese characters count one by one, marks of Hebrew and
Arabic are left out on both sides. Recall is the part of the reference's words that were found, precision the part of the found
words that are in the reference, both as multisets; bigrams are pairs of neighbouring words, so they show the reading order.
`--compare pypdf` also measures pypdf (of the Python that runs this) in the same run."""

import argparse
import collections
import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import unicodedata
from pathlib import Path

LIST = Path(__file__).with_name("corpus.tsv")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "parlance-corpus"
IDEOGRAPH = "\u3005-\u30ff\u31f0-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
TOKEN = re.compile(f"[{IDEOGRAPH}]|[^\\W_{IDEOGRAPH}]+")
MARKS = re.compile("[\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640]")
CJK = re.compile(f"[{IDEOGRAPH}]")
RTL = re.compile("[\u0590-\u08ff]")
# A reference of fewer words says nothing about an extractor.
SHORTEST = 20
TIMEOUT_S = 180


def files():
    for line in LIST.read_text().splitlines():
        package, path = line.split("\t")
        yield package, path


def fetch(packages):
    (CACHE / "debs").mkdir(parents=True, exist_ok=True)
    for package in sorted(packages):
        folder = CACHE / "x" / package
        if folder.is_dir():
            continue
        print(f"fetching {package}", file=sys.stderr)
        subprocess.run(["apt-get", "download", "-q", package], cwd=CACHE / "debs", check=True, stdout=subprocess.DEVNULL)
        [deb] = (CACHE / "debs").glob(f"{package}_*.deb")
        partial = folder.with_name(f"{package}.partial")
        partial.mkdir(parents=True, exist_ok=True)
        listing = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", partial, "--wildcards", "*.pdf"], input=listing.stdout, check=True)
        partial.rename(folder)
        deb.unlink()


def run(command):
    """Standard output, standard error, exit code, CPU seconds and peak resident memory (MB) of a command."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen([str(part) for part in command], stdout=out, stderr=err)
        killer = threading.Timer(TIMEOUT_S, child.kill)
        killer.start()
        _, status, usage = os.wait4(child.pid, 0)
        killer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return out.read(), err.read(), child.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def reference(path):
    """The words of poppler's text and the number of pages, which are kept."""
    kept = CACHE / "reference" / (hashlib.sha256(str(path).encode()).hexdigest() + ".json")
    try:
        return json.loads(kept.read_text())
    except (OSError, ValueError):
        words = tokens(run(["pdftotext", "-q", "-enc", "UTF-8", path, "-"])[0].decode(errors="replace"))
        info = run(["pdfinfo", path])[0].decode(errors="replace")
        found = [words, int((re.search(r"^Pages:\s+(\d+)", info, re.M) or [0, 0])[1])]
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found))
        return found


def tokens(text):
    text = unicodedata.normalize("NFKC", text).replace("\u00ad", "").lower()
    return TOKEN.findall(MARKS.sub("", text))


def share(part, whole):
    """How much of the multiset `whole` is in `part`."""
    total = sum(whole.values())
    return sum(min(count, part[key]) for key, count in whole.items()) / total if total else 1.0


def compare(found, expected):
    count = collections.Counter
    pairs = lambda words: count(zip(words, words[1:]))
    row = {
        "recall": share(count(found), count(expected)),
        "precision": share(count(expected), count(found)),
        "bigrams": share(pairs(found), pairs(expected)),
    }
    own = count(word for word in expected if CJK.search(word))
    if sum(own.values()) >= 50:
        is_own = lambda pair: CJK.search(pair[0]) and CJK.search(pair[1])
        row["cjk"] = share(count(found), own)
        row["cjk_bigrams"] = share(pairs(found), count(filter(is_own, zip(expected, expected[1:]))))
    letters = lambda words: RTL.findall("".join(words))
    own = letters(expected)
    if len(own) >= 200:
        row["rtl"] = share(count(letters(found)), count(own))
        row["rtl_bigrams"] = share(pairs(letters(found)), pairs(own))
    return row


def average(rows, name):
    values = [row[name] for row in rows if name in row]
    return f"{statistics.mean(values):.4f} (median {statistics.median(values):.4f}, {len(values)} files)" if values else "-"


def report(name, rows, worst):
    read = [row for row in rows if "recall" in row]
    print(f"== {name}: {len(rows)} files, {sum(row['pages'] for row in rows)} pages")
    for metric in ("recall", "precision", "bigrams", "cjk", "cjk_bigrams", "rtl", "rtl_bigrams"):
        print(f"{metric:12} {average(read, metric)}")
    failed = [row for row in rows if row["code"] != 0]
    false_failed = [row for row in failed if row["words"] >= SHORTEST]
    print(f"failed       {len(failed)}, of these with text in the reference: {len(false_failed)}")
    for row in false_failed:
        print(f"             {row['path']}: {row['error']}")
    print(f"false ready  {sum(row['code'] == 0 and row['words'] == 0 for row in rows)}")
    print(f"panics       {sum('panicked' in row['error'] or row['code'] not in (0, 1) for row in rows)}")
    print(f"peak memory  {max(row['peak'] for row in rows):.0f} MB ({max(rows, key=lambda row: row['peak'])['path']})")
    cpu = sum(row["cpu"] for row in rows)
    print(f"speed        {sum(row['pages'] for row in rows) / cpu:.1f} pages a CPU second ({cpu:.1f} s)")
    for metric in ("recall", "precision", "bigrams"):
        print(f"-- lowest {metric}")
        for row in sorted(read, key=lambda row: row[metric])[:worst]:
            print(f"   {row['recall']:.3f} {row['precision']:.3f} {row['bigrams']:.3f} {row['words']:7} {row['path']}")


PYPDF = """
import sys
from pypdf import PdfReader
print("\\n".join(page.extract_text() for page in PdfReader(sys.argv[1]).pages))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the example `extract_text` of the crate `retrieval`")
    parser.add_argument("--only", default="", help="only files whose package or path contains this")
    parser.add_argument("--worst", type=int, default=12, help="how many of the worst files to list")
    parser.add_argument("--compare", choices=["pypdf"], help="measure this too")
    parser.add_argument("--json", help="write the numbers of each file here")
    parser.add_argument("--folder", help="measure the PDF files of this folder instead of the list")
    arguments = parser.parse_args()
    if arguments.folder:
        paths = sorted(Path(arguments.folder).rglob("*.pdf"))
    else:
        chosen = [(package, path) for package, path in files() if arguments.only in f"{package}/{path}"]
        fetch({package for package, _ in chosen})
        paths = [CACHE / "x" / package / path for package, path in chosen]
    engines = {"extract": lambda path: [arguments.binary, path]}
    if arguments.compare == "pypdf":
        engines["pypdf"] = lambda path: [sys.executable, "-c", PYPDF, path]
    rows = {name: [] for name in engines}
    for path in paths:
        expected, pages = reference(path)
        for name, command in engines.items():
            out, err, code, cpu, peak = run(command(path))
            row = {"path": path.name, "full": str(path), "pages": pages, "code": code, "cpu": cpu, "peak": peak, "words": len(expected)}
            row["error"] = err.decode(errors="replace").strip()[-200:] if code else ""
            if code == 0 and len(expected) >= SHORTEST:
                row |= compare(tokens(out.decode(errors="replace")), expected)
            rows[name].append(row)
    for name, found in rows.items():
        report(name, found, arguments.worst)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
