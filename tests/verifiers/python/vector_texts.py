"""Test vectors of keys, notes, checkpoints and signatures."""

import hashlib
from typing import Any, Iterator

import naive
from naive import Signer, b64
from vector_trees import LEAVES, Vector, bad, good

ORIGIN = "grid.test/one/host-1/audit"
LOG = Signer.make(ORIGIN, hashlib.sha256(b"grid test key: log").digest())
NEXT = Signer.make(ORIGIN, hashlib.sha256(b"grid test key: next").digest())
OTHER = Signer.make("grid.test/one/host-2/audit", hashlib.sha256(b"grid test key: other").digest())
WITNESS = Signer.make("witness.test/w1", hashlib.sha256(b"grid test key: witness").digest(), type_=4)
SIZE = 257
ROOT = naive.mth(LEAVES[:SIZE])
TEXT = f"{ORIGIN}\n{SIZE}\n{b64(ROOT)}\n"
DASH = "\u2014"


def cosignature(text: str) -> str:
    """A witness's line (C2SP tlog-cosignature)."""
    time = 1_700_000_000
    signed = WITNESS.sign(f"cosignature/v1\ntime {time}\n{text}".encode())
    return f"{DASH} {WITNESS.name} {b64(WITNESS.id + time.to_bytes(8, 'big') + signed)}\n"


def respelt(base64: str) -> str:
    """The same bytes to a lenient decoder: one `=` at the end leaves two bits of the last digit unused."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    assert base64[-1] == "=" and base64[-2] != "="
    return base64[:-2] + alphabet[alphabet.index(base64[-2]) ^ 1] + "="


def keys() -> Iterator[Vector]:
    for name, key in [("log", LOG), ("other", OTHER), ("next", NEXT)]:
        yield good("vkey", f"vkey: {name}", vkey=key.vkey, key_name=key.name, key_id=key.id.hex())
    accented = Signer.make("grid.test/é", bytes(32))
    yield good("vkey", "vkey: not ASCII", vkey=accented.vkey, key_name=accented.name, key_id=accented.id.hex())
    name, id_, key64 = LOG.vkey.split("+", 2)
    short, long = b64(b"\x01" + LOG.public[:31]), b64(b"\x01" + LOG.public + b"\x00")

    def with_id(text: str, key: bytes) -> str:
        id_of_it = hashlib.sha256(text.encode() + b"\n" + key).hexdigest()[:8]
        return f"{text}+{id_of_it}+{b64(key)}"

    for what, why, vkey in [
        ("wrong id", "the id is of another key", f"{name}+{OTHER.id.hex()}+{key64}"),
        ("id of zeros", "the id is of no key", f"{name}+00000000+{key64}"),
        ("other name", "the id is made of the name too", f"{OTHER.name}+{id_}+{key64}"),
        ("upper case", "an id is written in lower case", f"{name}+{id_.upper()}+{key64}"),
        ("short id", "an id has 8 digits", f"{name}+{id_[:7]}+{key64}"),
        ("long id", "an id has 8 digits", f"{name}+0{id_}+{key64}"),
        ("no id", "a part is missing", f"{name}+{key64}"),
        ("no name", "a name is not empty", with_id("", b"\x01" + LOG.public)),
        ("space in the name", "a name has no spaces", with_id("grid test", b"\x01" + LOG.public)),
        ("other space in the name", "a name has no Unicode spaces", with_id("grid\u2003test", b"\x01" + LOG.public)),
        ("short key", "an Ed25519 key has 32 bytes", f"{name}+{id_}+{short}"),
        ("long key", "an Ed25519 key has 32 bytes", f"{name}+{id_}+{long}"),
        ("right id over short key", "an Ed25519 key has 32 bytes", with_id(name, b"\x01" + LOG.public[:31])),
        ("unknown type", "type 2 is not Ed25519", with_id(name, b"\x02" + LOG.public)),
        ("no type", "the type is missing", with_id(name, LOG.public)),
        ("empty key", "the key is missing", f"{name}+{id_}+"),
        ("base64 of URLs", "standard base64 has `+` and `/`", f"{name}+{id_}+{'_' * 44}"),
        ("private", "a private key is not a verifier key", f"PRIVATE+KEY+{LOG.vkey}"),
        ("empty", "nothing is there", ""),
    ]:
        yield bad("vkey", f"vkey: {what}", why, vkey=vkey)


def notes() -> Iterator[Vector]:
    """Notes in general; a checkpoint is one of them."""

    def taken(what: str, note: str, text: str = TEXT, vkeys: list[str] | None = None) -> Vector:
        return good("note", f"note: {what}", note=note, vkeys=vkeys or [LOG.vkey], text=text)

    def refused(what: str, why: str, note: str, vkeys: list[str] | None = None) -> Vector:
        return bad("note", f"note: {what}", why, note=note, vkeys=vkeys or [LOG.vkey])

    whole, line = LOG.note(TEXT.encode()), LOG.line(TEXT.encode())
    yield taken("one signature", whole)
    poem = "Ognuno sta solo\n\n\u00e8 subito sera.\n\n\n"
    yield taken("text with empty lines", LOG.note(poem.encode()), poem)
    yield taken("text with a DEL", LOG.note(b"a\x7fb\n"), "a\x7fb\n")
    yield taken("text that looks signed", LOG.note((line + "\n" + line).encode()), line + "\n" + line)
    yield taken("a witness behind", whole + cosignature(TEXT))
    yield taken("a witness before", f"{TEXT}\n{cosignature(TEXT)}{line}")
    yield taken("signed by two known keys", whole + OTHER.line(TEXT.encode()), vkeys=[LOG.vkey, OTHER.vkey])
    yield taken("signed by one of two known keys", whole, vkeys=[OTHER.vkey, LOG.vkey])
    yield taken("a line of the same name and another id", whole + NEXT.line(TEXT.encode()))
    namesake = f"{DASH} {OTHER.name} {b64(LOG.id + bytes(64))}\n"
    yield taken("a line of the same id and another name", whole + namesake)
    yield taken("the same line twice", whole + line)
    many = "".join(f"{DASH} w{number} {b64(bytes(4) + bytes([number]) * 64)}\n" for number in range(101))
    lines = many.splitlines(keepends=True)
    yield taken("17 signatures", whole + "".join(lines[:16]))
    yield refused("101 signatures", "nobody needs more than 100", whole + "".join(lines[:100]))
    yield refused("no signature", "nobody signed it", f"{TEXT}\n")
    yield refused("no empty line", "text and signatures run together", TEXT + line)
    yield refused("text alone", "it is no note", TEXT)
    yield refused("nothing", "it is no note", "")
    yield refused("a witness alone", "a witness is not the log", f"{TEXT}\n{cosignature(TEXT)}")
    yield refused("other key", "signed by a key that is not known", OTHER.note(TEXT.encode()))
    yield refused("other key of the same name", "signed by a key that is not known", NEXT.note(TEXT.encode()))
    yield refused(
        "known key, wrong name", "the name is not the key's", whole.replace(f"{DASH} {ORIGIN}", f"{DASH} {OTHER.name}")
    )
    yield refused(
        "two known keys, one wrong",
        "every line of a known key must hold",
        whole + f"{DASH} {OTHER.name} {b64(OTHER.id + bytes(64))}\n",
        vkeys=[LOG.vkey, OTHER.vkey],
    )
    yield from refused_lines(refused, whole, line)


def refused_lines(refused: Any, whole: str, line: str) -> Iterator[Vector]:
    """One signature line, spoilt in each of the ways there are."""
    text = TEXT.encode()
    signature = LOG.sign(text)

    def signed(data: bytes) -> str:
        return f"{TEXT}\n{DASH} {ORIGIN} {b64(data)}\n"

    malleated = signature[:32] + (naive.number(signature[32:]) + naive.L).to_bytes(32, "little")
    for what, why, note in [
        ("wrong id", "the id is of another key", signed(OTHER.id + signature)),
        (
            "one bit of the signature",
            "the signature is wrong",
            signed(LOG.id + signature[:63] + bytes([signature[63] ^ 1])),
        ),
        ("S plus L", "S is not reduced", signed(LOG.id + malleated)),
        ("signature of zeros", "the signature is wrong", signed(LOG.id + bytes(64))),
        ("short signature", "63 bytes are no Ed25519 signature", signed(LOG.id + signature[:63])),
        ("long signature", "65 bytes are no Ed25519 signature", signed(LOG.id + signature + b"\0")),
        ("id alone", "the signature is missing", signed(LOG.id)),
        ("signature of another text", "another text was signed", TEXT + "\n" + LOG.line(b"another\n")),
        (
            "good line, then a wrong one of the key",
            "every line of a known key must hold",
            whole + f"{DASH} {ORIGIN} {b64(LOG.id + bytes(64))}\n",
        ),
        ("no newline at the end", "the last line does not end", whole[:-1]),
        ("text changed", "another text was signed", whole.replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n")),
        ("an empty line behind", "the signatures are behind the last empty line", whole + "\n"),
        ("something behind", "every line behind the text is a signature", whole + "x\n"),
        ("two spaces", "a line has exactly two spaces", whole.replace(f"{ORIGIN} ", f"{ORIGIN}  ")),
        ("hyphen for a dash", "a line begins with an em dash", whole.replace(DASH, "-")),
        ("no space behind the dash", "a line begins with an em dash and a space", whole.replace(f"{DASH} ", DASH)),
        ("no name", "a name is not empty", whole.replace(f"{DASH} {ORIGIN}", f"{DASH} ")),
        ("plus in a name", "a name has no plus", whole + f"{DASH} a+b {b64(bytes(68))}\n"),
        ("space in a name", "a name has no Unicode spaces", whole + f"{DASH} a\u2003b {b64(bytes(68))}\n"),
        ("not base64", "a signature is base64", whole[:-2] + "*\n"),
        ("no padding", "base64 is padded", whole.rstrip("=\n") + "\n"),
        ("other spelling", "base64 has one spelling for each bytes", f"{TEXT}\n{respelt(line[:-1])}\n"),
        ("tab", "a note has no control characters", whole.replace(f"{ORIGIN}\n", f"{ORIGIN}\t\n", 1)),
        ("CR LF", "a note has no control characters", whole.replace("\n", "\r\n")),
        ("NUL behind", "a note has no control characters", whole + "\0"),
    ]:
        assert note != whole, what
        yield refused(what, why, note)
    yield bad(
        "note",
        "note: not UTF-8",
        "a note is UTF-8",
        vkeys=[LOG.vkey],
        note_base64=b64(LOG.note(b"x\n").encode().replace(b"x", b"\xff", 1)),
    )


def checkpoints() -> Iterator[Vector]:
    def note(text: str) -> str:
        return LOG.note(text.encode())

    for size in (0, 1, SIZE, 2**53 + 1, 2**62):
        root = naive.mth(LEAVES[:size]) if size <= SIZE else hashlib.sha256(b"vast").digest()
        yield good(
            "checkpoint",
            f"checkpoint of {size}",
            note=note(f"{ORIGIN}\n{size}\n{b64(root)}\n"),
            vkeys=[LOG.vkey],
            origin=ORIGIN,
            size=size,
            root=b64(root),
        )
    yield good(
        "checkpoint",
        "checkpoint: further lines",
        note=note(f"{TEXT}further\nlines\n"),
        vkeys=[LOG.vkey],
        origin=ORIGIN,
        size=SIZE,
        root=b64(ROOT),
    )
    yield good(
        "checkpoint",
        "checkpoint: a witness's line",
        note=note(TEXT) + cosignature(TEXT),
        vkeys=[LOG.vkey],
        origin=ORIGIN,
        size=SIZE,
        root=b64(ROOT),
    )
    encoded = b64(ROOT)
    for number in (
        "01",
        "00",
        "+1",
        "-1",
        "-0",
        "",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x10",
        "1_000",
        "\u0661",
        "one",
        str(2**64),
        "9" * 40,
    ):
        why = "a size is decimal, without sign, spaces or leading zeros, and below 2^64"
        yield bad(
            "checkpoint",
            f"checkpoint: size `{number}`",
            why,
            note=note(f"{ORIGIN}\n{number}\n{encoded}\n"),
            vkeys=[LOG.vkey],
        )
    for what, why, text in [
        ("no origin", "the origin is missing", f"{SIZE}\n{encoded}\n"),
        ("empty origin", "an origin is not empty", f"\n{SIZE}\n{encoded}\n"),
        ("other origin", "the key is of another log", f"{OTHER.name}\n{SIZE}\n{encoded}\n"),
        ("origin with a space behind", "the key is of another log", f"{ORIGIN} \n{SIZE}\n{encoded}\n"),
        ("no root", "the root is missing", f"{ORIGIN}\n{SIZE}\n"),
        ("short root", "a root has 32 bytes", f"{ORIGIN}\n{SIZE}\n{b64(ROOT[:31])}\n"),
        ("long root", "a root has 32 bytes", f"{ORIGIN}\n{SIZE}\n{b64(ROOT + b'x')}\n"),
        ("root in hexadecimal", "a root is base64", f"{ORIGIN}\n{SIZE}\n{ROOT.hex()}\n"),
        ("root without padding", "base64 is padded", f"{ORIGIN}\n{SIZE}\n{encoded.rstrip('=')}\n"),
        ("root with a space behind", "a line is the root alone", f"{ORIGIN}\n{SIZE}\n{encoded} \n"),
        (
            "root in another spelling",
            "base64 has one spelling for each bytes",
            f"{ORIGIN}\n{SIZE}\n{respelt(encoded)}\n",
        ),
        ("empty line inside", "no line is empty", f"{ORIGIN}\n\n{SIZE}\n{encoded}\n"),
        ("empty further line", "no line is empty", f"{TEXT}\nfurther\n"),
        ("empty last line", "no line is empty", f"{TEXT}\n"),
    ]:
        yield bad("checkpoint", f"checkpoint: {what}", why, note=note(text), vkeys=[LOG.vkey])
    altered = note(TEXT).replace(encoded, b64(naive.mth(LEAVES[: SIZE - 1])))
    yield bad("checkpoint", "checkpoint: root altered", "another root was signed", note=altered, vkeys=[LOG.vkey])
    yield bad(
        "checkpoint",
        "checkpoint: further line added",
        "another text was signed",
        note=note(TEXT).replace("\n\n", "\nfurther\n\n"),
        vkeys=[LOG.vkey],
    )


def signatures() -> Iterator[Vector]:
    """RFC 8032 section 7.1, and what must not pass."""
    for number, (secret, message) in enumerate(
        [
            ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", ""),
            ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72"),
            ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82"),
        ],
        1,
    ):
        key = Signer.make("x", bytes.fromhex(secret))
        signature = key.sign(bytes.fromhex(message))
        members = {"public_key_hex": key.public.hex(), "message_hex": message, "signature_hex": signature.hex()}
        yield good("ed25519", f"ed25519: RFC 8032 test {number}", **members)
        raised = signature[:32] + (naive.number(signature[32:]) + naive.L).to_bytes(32, "little")
        for what, why, changed in [
            ("S plus L", "S is not reduced", {"signature_hex": raised.hex()}),
            ("message", "another message was signed", {"message_hex": message + "00"}),
            ("R", "R is another point", {"signature_hex": (bytes([signature[0] ^ 1]) + signature[1:]).hex()}),
            ("key", "another key signed", {"public_key_hex": LOG.public.hex()}),
            ("short", "a signature has 64 bytes", {"signature_hex": signature[:63].hex()}),
            ("zeros", "the signature is wrong", {"signature_hex": bytes(64).hex()}),
        ]:
            yield bad("ed25519", f"ed25519: test {number}: {what}", why, **{**members, **changed})
