# SPDX-License-Identifier: Apache-2.0
"""A broker's answers about principals, as its reference has them, for the command line alone. Nothing is verified here.

Prints its URL, then one line of JSON for each request: target and input."""

import http.server
import json
import signal
import sys

# Whoever starts this may have blocked the signal that is to end it.
signal.pthread_sigmask(signal.SIG_SETMASK, [])

ACCOUNT = "arn:aws:iam::000000000000:user/"
SECRET = sys.argv[1]
principals = [
    {"AccessKeyId": "KBAKONE", "Arn": ACCOUNT + "one", "CreationDate": 1763719200, "Policies": ["{\"n\":1}"]},
    {"AccessKeyId": "KBAKTWOA", "Arn": ACCOUNT + "two", "CreationDate": 1763719200.5, "Policies": []},
    {"AccessKeyId": "KBAKTWOB", "Arn": ACCOUNT + "two", "CreationDate": 1763719201, "Policies": []},
]


def answer(target, body):
    if target == "KeyBroker.CreatePrincipal":
        if body["PrincipalName"] == "denied":
            return 400, {"__type": "AccessDeniedException", "Message": "User: u is not authorized to perform: a on resource: r"}
        new = {"AccessKeyId": "KBAKNEW", "Arn": ACCOUNT + body["PrincipalName"], "CreationDate": 1763719202,
               "Policies": body.get("Policies", [])}
        return 200, {"Principal": new, "SecretAccessKey": SECRET}
    if target == "KeyBroker.ListPrincipals":  # two a page
        start = int(body.get("Marker", "0"))
        page = {"Principals": principals[start:start + 2], "Truncated": start + 2 < len(principals)}
        if page["Truncated"]:
            page["NextMarker"] = str(start + 2)
        return 200, page
    return 200, None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        target = self.headers["X-Amz-Target"]
        print(json.dumps({"target": target, "input": body}), flush=True)
        status, output = answer(target, body)
        content = b"" if output is None else json.dumps(output).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
