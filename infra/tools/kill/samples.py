"""The documents that are uploaded, and what becomes of them."""

import subprocess

# What becomes of the files of `parlance samples`: ready, or failed for this reason.
SAMPLES = {
    "meridian-handbook.pdf": "ready", "grinder-g2.docx": "ready", "faq.txt": "ready", "protected.pdf": "ready",
    "encrypted.pdf": "encrypted", "scanned.pdf": "scanned", "truncated.pdf": "damaged",
    "page-tree-loop.pdf": "damaged", "photo.pdf": "wrong_type", "damaged.docx": "damaged", "bomb.docx": "too_large",
}
QUESTIONS = {
    "meridian-handbook.pdf": "How many days do I have to return unopened coffee for a full refund?",
    "grinder-g2.docx": "How long is the warranty on the grinder's burrs?",
    "faq.txt": "Can I pause my subscription while I am on vacation?",
}
TOWNS = ["Arboga", "Borgholm", "Cimbrishamn", "Djursholm", "Eslov", "Falkenberg", "Grebbestad", "Hjo", "Kivik", "Lysekil"]


def sample_files(binary, folder):
    """The names with the bytes of all documents of a set."""
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
