"""Verify an evidence file with the standard library alone: nobody has to trust the app's own code.

The rules, in the order in which they are checked:

1. The file is UTF-8 and JSON, an object of schema ``leeward/evidence/1`` that ends in a ``chain``.
2. Its bytes are exactly the record with sorted keys, two spaces of indent and one newline at the end.
3. Each link of the chain holds ``at``, ``what``, ``seq``, ``prev`` and ``sha256``. ``seq`` counts from 1, ``prev`` is
   the ``sha256`` of the link before (64 zeros for the first), and ``sha256`` is the SHA-256 of the canonical JSON of
   the other four: sorted keys, no spaces, plain UTF-8.
4. The last link's ``what`` ends in the SHA-256 of the canonical JSON of the whole record but its chain.
5. Where the digest is known from elsewhere, as the run's answer states it (``evidenceSha256``), the SHA-256 of the
   canonical JSON of the whole record is that digest: whoever rewrote a record and its chain cannot forge this one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

SCHEMA = "leeward/evidence/1"
FIRST = "0" * 64
SEAL = "The record was sealed; the SHA-256 of all of it but this chain is "
LINK_KEYS = {"at", "what", "seq", "prev", "sha256"}


@dataclass(frozen=True)
class Findings:
    """What a file holds, and everything about it that is broken."""

    record: dict[str, Any]
    broken: tuple[str, ...]


def add_to(commands: Commands) -> None:
    """Add ``verify`` to the commands."""
    parser = commands.add_parser(
        "verify",
        help="check that an evidence file is as it was sealed",
        description="Check that an evidence file is, byte for byte, as it was sealed. "
        "Ends in 0 if it holds, 1 if it is broken, 2 if it cannot be read.",
    )
    parser.add_argument("file", type=Path, help="the evidence.json of a run")
    parser.add_argument(
        "--sha256",
        metavar="DIGEST",
        help="the evidenceSha256 that the run answered with: shows a record that was made anew",
    )
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Verify the file and say what holds, or what is broken."""
    path: Path = asked.file
    try:
        data = path.read_bytes()
    except OSError as error:
        sys.stderr.write(f"leeward verify: {path} cannot be read: {error.strerror}\n")
        return 2
    found = examine(data, asked.sha256)
    sys.stdout.write(_verdict(path, data, found))
    return 1 if found.broken else 0


def examine(data: bytes, known: str | None = None) -> Findings:
    """Return what the bytes of an evidence file hold, and what is broken about them.

    ``known`` is the digest of the record, where it was learnt elsewhere.
    """
    try:
        record = json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return Findings({}, (f"the file is not UTF-8 JSON: {error}",))
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        return Findings({}, (f'the file is no evidence record: it has no "schema": "{SCHEMA}"',))
    try:
        return Findings(record, (*_broken(record, data), *_stranger(record, known)))
    except UnicodeEncodeError:
        return Findings({}, ("the record holds half a character (a lone surrogate)",))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _broken(record: dict[str, Any], data: bytes) -> Iterator[str]:
    expected = json.dumps(record, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    if data != expected.encode():
        yield _first_difference(data, expected.encode())
    chain = record.get("chain")
    if not isinstance(chain, list) or not chain:
        yield "the record has no chain; an evidence record ends in one"
        return
    previous = FIRST
    for number, link in enumerate(chain, start=1):
        if not isinstance(link, dict) or set(link) != LINK_KEYS:
            yield f"link {number} does not hold exactly {', '.join(sorted(LINK_KEYS))}"
            previous = str(link.get("sha256")) if isinstance(link, dict) else ""
            continue
        yield from _broken_link(number, link, previous)
        previous = str(link["sha256"])
    rest = {key: value for key, value in record.items() if key != "chain"}
    yield from _broken_seal(len(chain), chain[-1], _digest(rest))


def _broken_link(number: int, link: dict[str, Any], previous: str) -> Iterator[str]:
    if json.dumps(link["seq"]) != str(number):  # true and 1.0 equal 1, and are not 1
        yield (
            f"link {number} calls itself {link['seq']!r}; expected {number}: "
            "links were removed, added or moved"
        )
    if link["prev"] != previous:
        before = "the start of the chain" if number == 1 else f"link {number - 1}"
        yield (
            f"link {number} does not follow {before}: "
            f"expected prev {previous}, found {link['prev']}"
        )
    own = _digest({key: value for key, value in link.items() if key != "sha256"})
    if link["sha256"] != own:
        yield (
            f"link {number} was changed ({link['what']!r} at {link['at']}): "
            f"expected sha256 {own}, found {link['sha256']}"
        )


def _broken_seal(number: int, link: Any, rest: str) -> Iterator[str]:
    what = str(link.get("what")) if isinstance(link, dict) else ""
    if not what.startswith(SEAL):
        yield f"link {number}, the last, is not the seal; expected {SEAL}{rest}"
    elif what != SEAL + rest:
        yield (
            f"the record was changed after it was sealed in link {number}: "
            f"the seal says {what.removeprefix(SEAL)}, the record now has {rest}"
        )


def _stranger(record: dict[str, Any], known: str | None) -> Iterator[str]:
    own = _digest(record)
    if known is not None and known.strip().casefold() != own:
        yield f"this is another record: expected the digest {known.strip()}, found {own}"


def _first_difference(data: bytes, expected: bytes) -> str:
    pairs = zip(data, expected, strict=False)
    same = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(data), len(expected)))
    line = data.count(b"\n", 0, same) + 1
    return (
        f"byte {same}, in line {line}, is not as it was written: "
        f"expected {_near(expected, same)}, found {_near(data, same)}"
    )


def _near(data: bytes, at: int) -> str:
    return repr(data[at : at + 20].decode("utf-8", "replace")) if at < len(data) else "the end"


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _verdict(path: Path, data: bytes, found: Findings) -> str:
    if found.broken:
        lines = "".join(f"  {_one_line(line)}\n" for line in found.broken)
        return f"{path} is broken:\n{lines}"
    chain = found.record["chain"]
    run = found.record.get("run")
    told = run if isinstance(run, dict) else {}
    return _one_line(f"{path} holds: run {told.get('id')} of plan {told.get('plan')}") + (
        f"\n  outcome  {_one_line(str(told.get('outcome')))}"
        f"\n  links    {len(chain)}, from {chain[0]['at']} to {chain[-1]['at']}"
        f"\n  sha256   {_digest(found.record)}\n"
    )


def _one_line(text: str) -> str:
    """Return text that cannot forge a second line or steer a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
