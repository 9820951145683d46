# SPDX-License-Identifier: Apache-2.0
"""A host that forges what the broker answers over plain HTTP.

Stands before UPSTREAM (http://host:port) and changes a bit of each signature and MAC that passes. Prints its port.
"""

import base64
import http.client
import http.server
import json
import os
import urllib.parse

upstream = urllib.parse.urlsplit(os.environ["UPSTREAM"])


def forged(text):
    data = bytearray(base64.b64decode(text))
    data[-1] ^= 1
    return base64.b64encode(data).decode()


class Host(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        connection = http.client.HTTPConnection(upstream.hostname, upstream.port)
        connection.request("POST", self.path, body, dict(self.headers))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 200:
            members = json.loads(text)
            for name in ("Mac", "Signature"):
                if name in members:
                    members[name] = forged(members[name])
            if "Signatures" in members:
                members["Signatures"] = [*members["Signatures"][:-1], forged(members["Signatures"][-1])]
            text = json.dumps(members).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
print(server.server_address[1], flush=True)
server.serve_forever()
