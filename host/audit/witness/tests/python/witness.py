"""A witness written from C2SP tlog-witness, and a log that asks one. The other side of the conformance tests.

    witness.py serve NAME LOG_VKEY...    prints its vkey and its URL; logs are watched until it is killed
    witness.py ask URL WITNESS_VKEY      reads a seed in hexadecimal, asks as a log of that key, prints the answers
"""

import http.client
import http.server
import json
import sys
import threading
import time
import urllib.parse

import tlog


class Refused(Exception):
    def __init__(self, status, body="refused\n", kind="text/plain"):
        self.status, self.body, self.kind = status, body, kind


class Witness:
    def __init__(self, name, keys):
        self.signer = tlog.Signer(name, 4)
        self.logs = {}
        for key in map(tlog.Key.parse, keys):
            self.logs.setdefault(key.name, []).append(key)
        self.seen = {}
        self.lock = threading.Lock()

    def add_checkpoint(self, body):
        try:
            head, blank, note = body.decode().partition("\n\n")
            first, *lines = head.split("\n")
            if not blank or not first.startswith("old ") or len(lines) > 63:
                raise tlog.Bad("form")
            old = tlog.number(first[4:])
            path = [tlog.unbase64(line) for line in lines]
            if any(len(hash_) != 32 for hash_ in path):
                raise tlog.Bad("hash")
            origin, size, root = tlog.parse_checkpoint(note.rpartition("\n\n")[0] + "\n")
            if origin not in self.logs:
                raise Refused(404)
            text, is_signed = tlog.open_note(note, self.logs[origin])
        except (tlog.Bad, UnicodeDecodeError) as error:
            raise Refused(400, f"{error}\n") from error
        if not is_signed:
            raise Refused(403)
        if old > size:
            raise Refused(400)
        with self.lock:
            seen, seen_root = self.seen.get(origin, (0, tlog.root([])))
            if old != seen:
                raise Refused(409, f"{seen}\n", "text/x.tlog.size")
            if size == 0 and root != tlog.root([]) or size == old and root != seen_root or old in (0, size) and path:
                raise Refused(422)
            if 0 < old < size and not tlog.consistent(old, size, seen_root, root, path):
                raise Refused(422)
            self.seen[origin] = (size, root)
        return self.signer.cosign(text, int(time.time()))


def serve(name, keys):
    witness = Witness(name, keys)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            try:
                if self.path != "/prefix/add-checkpoint":
                    raise Refused(404)
                status, kind, answer = 200, "text/plain", witness.add_checkpoint(body)
            except Refused as refused:
                status, kind, answer = refused.status, refused.kind, refused.body
            answer = answer.encode()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(witness.signer.key, f"http://127.0.0.1:{server.server_port}/prefix", flush=True)
    server.serve_forever()


class Log:
    """Asks over one connection, which the witness is to keep."""

    def __init__(self, url, witness, origin, seed):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=20)
        self.witness = tlog.Key.parse(witness)
        self.signer = tlog.Signer(origin, 1, seed)

    def note(self, leaves, size):
        text = f"{self.signer.key.name}\n{size}\n{tlog.base64.b64encode(tlog.root(leaves[:size])).decode()}\n"
        return text, self.signer.note(text)

    def ask(self, leaves, old, size, path=None):
        text, note = self.note(leaves, size)
        if path is None:
            path = tlog.proof(old, leaves[:size]) if 0 < old < size else []
        hashes = "".join(tlog.base64.b64encode(hash_).decode() + "\n" for hash_ in path)
        self.connection.request("POST", "/add-checkpoint", f"old {old}\n{hashes}\n{note}".encode())
        response = self.connection.getresponse()
        body = response.read().decode()
        if response.status == 200:
            return 200, abs(tlog.cosigned(text, body, self.witness) - time.time()) < 60
        return response.status, (response.getheader("content-type"), body) if response.status == 409 else None


def ask(url, witness):
    origin, seed = sys.stdin.readline().split()
    log = Log(url, witness, origin, bytes.fromhex(seed))
    leaves = [tlog.leaf(str(at).encode()) for at in range(70)]
    other = leaves[:5] + [tlog.leaf(b"other")] * 65
    answers = []
    sizes = [0, 1, 2, 3, 4, 7, 8, 8, 15, 33, 64, 70]
    answers += [log.ask(leaves, old, new) for old, new in zip([0] + sizes, sizes)]
    answers += [
        log.ask(leaves, 33, 70),
        log.ask(other, 70, 70),
        log.ask(leaves, 70, 70, [leaves[0]]),
        log.ask(other, 5, 70),
        log.ask(leaves, 70, 64),
    ]
    print(json.dumps(answers))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], sys.argv[3:])
    else:
        ask(*sys.argv[2:])
