# SPDX-License-Identifier: Apache-2.0
"""A host that answers in the enclave's place: ends TLS under a certificate of its own, and forwards in the clear text.

Arguments: certificate, key, the enclave's port, and optionally a captured attestation document to answer with. Prints its
own port. What it forwards goes to the genuine enclave over TLS, so that every document is fresh and genuine.
"""

import http.server
import ssl
import sys
import urllib.request

certificate, key, port = sys.argv[1:4]
captured = open(sys.argv[4], "rb").read() if len(sys.argv) > 4 else None
unchecked = ssl._create_unverified_context()


class Host(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if captured is None:
            with urllib.request.urlopen(f"https://127.0.0.1:{port}{self.path}", context=unchecked) as answer:
                body = answer.read()
        else:
            body = captured
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Host)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
