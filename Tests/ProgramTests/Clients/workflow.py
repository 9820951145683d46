# SPDX-License-Identifier: Apache-2.0
"""Runs the `run:` steps of a GitHub Actions workflow as they stand, one shell each, as its runner does.

    workflow.py WORKFLOW SETTINGS       SETTINGS, JSON: workspace, temp, values (of ${{ … }}), environment, page, commands

GitHub's token service, AWS STS and AWS Secrets Manager are stand-ins in this program, and so is the `gh` command, whose
releases are folders. With `commands`, blocks of the page README.md are run instead, by their names. Prints each step's name;
ends with status 1 and the name of the step that failed.
"""

import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import urllib.parse

import yaml

workflow, settings = sys.argv[1], json.loads(sys.argv[2])
workspace, temp = pathlib.Path(settings["workspace"]), pathlib.Path(settings["temp"])
secrets, asked = pathlib.Path(settings["secrets"]), []


class StandIns(http.server.BaseHTTPRequestHandler):
    """GET: the job's token. POST: STS, and Secrets Manager for the role's credentials."""

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        right = self.headers["Authorization"] == "bearer job" and query.get("audience") == ["sts.amazonaws.com"]
        self.answer(200 if right else 401, json.dumps({"value": "token-of-the-job"}), "application/json")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        target = self.headers.get("X-Amz-Target")
        form = {} if target else {name: values[0] for name, values in urllib.parse.parse_qs(body).items()}
        asked.append(target or form["Action"])
        if form == form | {
            "WebIdentityToken": "token-of-the-job", "RoleArn": "arn:aws:iam::111122223333:role/release-signing"}:
            self.answer(200, STS, "text/xml")
        elif target == "secretsmanager.CreateSecret":
            request = json.loads(body)
            (secrets / request["Name"]).write_text(request["SecretString"])
            self.answer(200, json.dumps({"Name": request["Name"]}), "application/x-amz-json-1.1")
        elif target and "Credential=ASIAROLEOFTHEJOB/" in self.headers["Authorization"]:
            secret = (secrets / json.loads(body)["SecretId"]).read_text()
            self.answer(200, json.dumps({"Name": "secret", "SecretString": secret}), "application/x-amz-json-1.1")
        else:
            self.answer(403, f"refused: {form or target}", "text/plain")

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


STS = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAROLEOFTHEJOB</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""

GH = """#!/bin/bash
set -euo pipefail
[ "$GH_TOKEN" = token-of-github ] && [ "$1" = release ] && folder="$GH_RELEASES/$3"
case "$2" in
    create) [ "$4" = --verify-tag ]; git rev-parse --quiet --verify "refs/tags/$3" > /dev/null; mkdir "$folder"; cp "${@:5}" "$folder" ;;
    download) [ "$4" = --dir ]; cp -n "$folder"/* "$5" ;;
esac
"""


def evaluated(text):
    """An expression that this does not know is an error."""
    return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda match: settings["values"][match[1]], str(text))


def run(name, script, environment):
    print(f"{name}", flush=True)
    # What `shell: bash` is for GitHub's runner.
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=workspace, env=environment)
    if done.returncode:
        print(f"failed: {name}")
        sys.exit(1)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StandIns)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
# As the runner does before each job.
shutil.rmtree(temp)
tools = temp / "tools"
tools.mkdir(parents=True)
(tools / "gh").write_text(GH)
(tools / "gh").chmod(0o755)
base = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GITHUB_"))} | {
    "RUNNER_TEMP": str(temp), "GITHUB_WORKSPACE": str(workspace),
    "AWS_ENDPOINT_URL_STS": url, "AWS_ENDPOINT_URL_SECRETS_MANAGER": url, "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
} | settings["environment"]
base["PATH"] = f"{tools}:{base['PATH']}"

if "commands" in settings:
    page = pathlib.Path(workflow).with_name("README.md").read_text()
    for name in settings["commands"]:
        run(name, re.search(rf"<!-- commands: {name} -->\n```sh\n(.*?)```", page, re.S)[1], base)
    sys.exit(0)

# YAML 1.1 reads the name `on` as true.
document = yaml.safe_load(pathlib.Path(workflow).read_text())
[job] = document["jobs"].values()
assert document["permissions"] == {} and job["permissions"], "a job says which permissions it has"
base |= {name: evaluated(value) for name, value in job["env"].items()}
if "id-token" in job["permissions"]:
    base |= {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "job", "ACTIONS_ID_TOKEN_REQUEST_URL": url + "/token?api-version=2.0"}
for step in job["steps"]:
    if "uses" in step:
        assert step["uses"].startswith("actions/checkout@"), "what the workspace here does not have already"
        continue
    # Text of the event in a script would be a script.
    assert "${{" not in step["run"], step["name"]
    run(step["name"], step["run"], base | {name: evaluated(value) for name, value in step.get("env", {}).items()})
if "id-token" in job["permissions"]:
    assert asked == ["AssumeRoleWithWebIdentity", "secretsmanager.GetSecretValue"], asked
print("ok")
