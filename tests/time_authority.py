"""A real time-stamp authority on this machine: ``openssl ts`` behind a small HTTP server."""

import contextlib
import http.server
import shutil
import subprocess
import threading

import pytest

CONFIG = """
[req]
distinguished_name = subject
[subject]
[tsa]
default_tsa = only
[only]
dir = {dir}
serial = $dir/serial
crypto_device = builtin
signer_cert = $dir/tsa.pem
signer_key = $dir/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha1, sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
[stamps]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
"""


def openssl(*arguments, cwd):
    return subprocess.run(["openssl", *arguments], cwd=cwd, capture_output=True, check=True).stdout


class TimeAuthority:
    """Its own root certificate, ``root.pem`` in ``folder``, and a key that signs time stamps."""

    def __init__(self, folder):
        if shutil.which("openssl") is None:
            pytest.skip("no openssl program: time stamps are not tested")
        self.folder = folder
        folder.mkdir()
        (folder / "tsa.conf").write_text(CONFIG.format(dir=folder))
        (folder / "serial").write_text("01\n")
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "tsa.conf"]
        root = ["-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=Test Root", "-extensions", "root"]
        openssl("req", "-x509", *new_key, *root, "-days", "30", cwd=folder)
        clock = ["-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test Clock"]
        openssl("req", *new_key, *clock, cwd=folder)
        by_root = ["-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "30"]
        use = ["-extfile", "tsa.conf", "-extensions", "stamps"]
        openssl("x509", "-req", "-in", "tsa.csr", "-out", "tsa.pem", *by_root, *use, cwd=folder)
        self.root = folder / "root.pem"

    def answer(self, query):
        (self.folder / "query.tsq").write_bytes(query)
        files = ["-config", "tsa.conf", "-queryfile", "query.tsq", "-out", "reply.tsr"]
        openssl("ts", "-reply", *files, cwd=self.folder)
        return (self.folder / "reply.tsr").read_bytes()

    @contextlib.contextmanager
    def serving(self, alter=lambda query, reply: (200, reply)):
        """The address of an HTTP server that answers with what ``alter`` makes of query and reply."""
        authority = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                query = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/timestamp-query"
                status, reply = alter(query, authority.answer(query))
                self.send_response(status)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_arguments):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/tsr?a=b"
            finally:
                server.shutdown()
                thread.join()
