# SPDX-License-Identifier: Apache-2.0
"""Kills a development KMS with SIGKILL while several clients change its keys, starts it again on the same directory,
and looks for everything that was acknowledged. Arguments: the keybroker program, the state directory, the rounds."""

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

import boto3
from botocore.config import Config

program, directory, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
CLIENTS = 3


class Server:
    def __init__(self):
        self.process = subprocess.Popen(
            [program, "kms", "serve", "--listen", "127.0.0.1:0", "--state", directory, "--seed", "kill"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"http://[0-9.:]+", line)
        assert found, "the service did not start: " + line
        self.url = found.group(0)

    def client(self):
        return boto3.client(
            "kms", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


class Changes:
    """What one client asked for, and what of it was acknowledged."""

    def __init__(self, kms, number):
        self.number = number
        self.key = kms.create_key()["KeyMetadata"]["KeyId"]
        self.blob = kms.encrypt(KeyId=self.key, Plaintext=b"kept")["CiphertextBlob"]
        self.count = 0
        self.description = 0
        self.aliases = set()
        self.deleted = set()
        self.created = set()

    def run(self, kms):
        try:
            while True:
                self.count += 1
                name = f"alias/{self.number}-{self.count}"
                kms.update_key_description(KeyId=self.key, Description=str(self.description + 1))
                self.description += 1
                kms.create_alias(AliasName=name, TargetKeyId=self.key)
                self.aliases.add(name)
                if self.count % 3 == 0:
                    kms.delete_alias(AliasName=name)
                    self.aliases.remove(name)
                    self.deleted.add(name)
                if self.count % 5 == 0:
                    self.created.add(kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"])
        except Exception:
            # The service is gone. A deletion on its way may have been made.
            self.aliases.discard(f"alias/{self.number}-{self.count}" if self.count % 3 == 0 else None)

    def check(self, kms):
        key = kms.describe_key(KeyId=self.key)["KeyMetadata"]
        described = int(key["Description"] or 0)
        assert described in (self.description, self.description + 1), (described, self.description)
        self.description = described
        names = {a["AliasName"] for page in kms.get_paginator("list_aliases").paginate() for a in page["Aliases"]}
        assert self.aliases <= names, self.aliases - names
        assert not self.deleted & names, self.deleted & names
        keys = {k["KeyId"] for page in kms.get_paginator("list_keys").paginate() for k in page["Keys"]}
        assert self.created <= keys, self.created - keys
        assert kms.decrypt(CiphertextBlob=self.blob)["Plaintext"] == b"kept"


chance = random.Random(4)
server = Server()
changes = [Changes(server.client(), number) for number in range(CLIENTS)]
for _ in range(rounds):
    threads = [threading.Thread(target=c.run, args=[server.client()]) for c in changes]
    for thread in threads:
        thread.start()
    time.sleep(chance.uniform(0.05, 0.4))
    server.kill()
    for thread in threads:
        thread.join()
    server = Server()
    for c in changes:
        c.check(server.client())
server.kill()
assert os.stat(directory).st_mode & 0o777 == 0o700
assert os.stat(os.path.join(directory, "keys.json")).st_mode & 0o777 == 0o600
total = sum(c.description for c in changes)
assert total > rounds, total
print("changes:", total, "aliases:", sum(len(c.aliases) for c in changes))
print("ok")
