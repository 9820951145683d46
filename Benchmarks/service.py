#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures a whole deployment on this machine: set up with the release programs, loaded with `keybroker bench`.

Development KMS, host, enclave with the software module, a keyring of 100 keys; requests straight to the enclave's
listener and through the host's ingress; boot to first signature; resident memory. With --tls instead: what TLS that ends
in the enclave costs it, for a Sign and for a handshake. Standard library only, and `openssl` for handshakes.
"""

import argparse
import base64
import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ACCOUNT, REGION = "000000000000", "us-east-1"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def signed(port, target, body, key, secret):
    """Headers of an AWS JSON 1.1 request with Signature Version 4."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {"content-type": "application/x-amz-json-1.1", "host": f"127.0.0.1:{port}", "x-amz-date": now,
               "x-amz-target": target}
    names = ";".join(sorted(headers))
    canonical = "\n".join(["POST", "/", ""] + [f"{n}:{headers[n]}" for n in sorted(headers)]
                          + ["", names, hashlib.sha256(body).hexdigest()])
    scope = f"{now[:8]}/{REGION}/kms/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    k = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        k = hmac.new(k, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(k, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, "
                                f"Signature={signature}")
    return headers


def call(port, target, request, key, secret):
    body = json.dumps(request).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", "/", body, signed(port, target, body, key, secret))
        response = connection.getresponse()
        answer = response.read()
        return response.status, json.loads(answer) if answer else {}
    finally:
        connection.close()


class Deployment:
    """The programs of one release folder, running in a scratch folder."""

    def __init__(self, programs, folder, keys):
        self.programs, self.folder, self.processes = programs, folder, []
        self.run("keybroker", "module", "create", folder / "module")
        self.kms_port = self.start_kms()
        _, answer = call(self.kms_port, "TrentService.CreateKey", {}, "test", "test")
        self.specify(keys)
        self.run("keybroker", "keyring", "create", "--spec", folder / "keyring.json", "--kms-key",
                 answer["KeyMetadata"]["Arn"], "--broker-id", "bench", "--configuration", folder / "enclave.json",
                 "--state", folder / "state", "--credentials", folder / "credentials",
                 env={"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                      "AWS_ENDPOINT_URL_KMS": f"http://127.0.0.1:{self.kms_port}"})
        text = (folder / "credentials").read_text()
        self.key = re.search(r"aws_access_key_id *= *(\S+)", text)[1]
        self.secret = re.search(r"aws_secret_access_key *= *(\S+)", text)[1]
        self.direct, self.ingress = free_port(), free_port()
        self.speak_tls(False)
        self.start_host()

    def speak_tls(self, on):
        """From the next boot on. The keyring has a TLS identity, used or not: everything else stays the same."""
        path = self.folder / "enclave.json"
        configuration = json.loads(path.read_text())
        configuration["ingress"] = {"tls": on}
        path.write_text(json.dumps(configuration))

    def specify(self, count):
        keys = [{"aliases": ["alias/ed25519"], "keySpec": "ECC_NIST_EDWARDS25519"},
                {"aliases": ["alias/rsa"], "keySpec": "RSA_2048"},
                {"aliases": ["alias/p256"], "keySpec": "ECC_NIST_P256"},
                {"aliases": ["alias/hmac"], "keySpec": "HMAC_256"}]
        specs = ["ECC_NIST_EDWARDS25519", "ECC_NIST_P256", "RSA_2048", "HMAC_256"]
        while len(keys) < count:
            keys.append({"aliases": [f"alias/key-{len(keys)}"], "keySpec": specs[len(keys) % len(specs)]})
        (self.folder / "keyring.json").write_text(json.dumps(
            {"format": 1, "keyringId": "bench", "account": ACCOUNT, "region": REGION, "keys": keys}))

    def run(self, *arguments, env=None, errors=None):
        program, *rest = map(str, arguments)
        return subprocess.run([self.programs / program, *rest], check=True, stdout=subprocess.PIPE, stderr=errors,
                              text=True, env={**os.environ, **(env or {})}).stdout

    def start(self, *arguments, log, env=None):
        program, *rest = map(str, arguments)
        with open(self.folder / log, "ab") as output:
            process = subprocess.Popen([self.programs / program, *rest], stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=output, env={**os.environ, **(env or {})})
        self.processes.append(process)
        return process

    def start_kms(self):
        self.start("keybroker", "kms", "serve", "--listen", "127.0.0.1:0", "--root", self.folder / "module/root.pem",
                   "--access-key", "test:test", log="kms.log")
        for _ in range(500):
            if match := re.search(r"http://127\.0\.0\.1:(\d+)", (self.folder / "kms.log").read_text()):
                return int(match[1])
            time.sleep(0.01)
        raise RuntimeError("the development KMS does not start")

    def start_host(self):
        """Without an executable: the enclave is started here, so that its boot can be timed."""
        (self.folder / "host.json").write_text(json.dumps({
            "format": 1, "enclave": {"endpoint": f"tcp://127.0.0.1:{self.direct}"},
            "relay": {"listen": f"unix://{self.folder}/relay.sock"},
            "ingress": {"listen": f"tcp://127.0.0.1:{self.ingress}"},
            "kms": {"endpoint": f"http://127.0.0.1:{self.kms_port}", "region": REGION, "operations": ["Decrypt"]},
            "configuration": f"{self.folder}/enclave.json", "state": f"{self.folder}/state"}))
        self.start("keybroker-host", "--config", self.folder / "host.json", log="host.log",
                   env={"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})
        for _ in range(500):
            if (self.folder / "relay.sock").exists():
                return
            time.sleep(0.01)
        raise RuntimeError("the host does not start")

    def serves(self):
        """Asks as cheaply as can be: the client shares the processor with the boot that it waits for."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.direct), 5) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200 ")
        return False

    def key_wait(self):
        """Seconds that the last boot waited for its RSA-2048 key, when everything else was ready for it."""
        waits = re.findall(r'"waitedMilliseconds":(\d+)', (self.folder / "host.log").read_text())
        return int(waits[-1]) / 1000

    def start_enclave(self):
        return self.start("keybroker-enclave", "--relay", f"unix://{self.folder}/relay.sock", "--listen",
                          f"tcp://127.0.0.1:{self.direct}", "--module", f"software:{self.folder}/module",
                          log="enclave.log")

    def boot_with_tls(self):
        """Starts the enclave with TLS; its process and the certificate that `keybroker trust` wrote."""
        self.speak_tls(True)
        enclave = self.start_enclave()
        bundle = self.folder / "bundle.pem"
        for _ in range(200):
            with contextlib.suppress(subprocess.CalledProcessError):
                self.run("keybroker", "trust", "--endpoint", f"https://127.0.0.1:{self.direct}", "--root",
                         self.folder / "module/root.pem", "--binary", self.programs / "keybroker-enclave", "--config",
                         self.folder / "enclave.json", "--state", self.folder / "trust.json", "--bundle", bundle,
                         errors=subprocess.DEVNULL)
                return enclave, bundle
            time.sleep(0.05)
        raise RuntimeError("the enclave is not trusted: " + (self.folder / "enclave.log").read_text()[-500:])

    def boot(self):
        """Starts the enclave; seconds from the start of its process to its first signature, and how many of them it
        waited for an RSA-2048 key."""
        began = time.perf_counter()
        enclave = self.start_enclave()
        while time.perf_counter() - began < 20:
            if not self.serves():
                time.sleep(0.002)
                continue
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, _ = call(self.direct, "TrentService.Sign",
                                 {"KeyId": "alias/ed25519", "Message": base64.b64encode(b"first").decode(),
                                  "SigningAlgorithm": "ED25519_SHA_512"}, self.key, self.secret)
                if status == 200:
                    return enclave, time.perf_counter() - began, self.key_wait()
            time.sleep(0.001)
        raise RuntimeError("the enclave does not unlock: " + (self.folder / "enclave.log").read_text()[-500:])

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        process.wait()
        self.processes.remove(process)

    def bench(self, port, *arguments, bundle=None):
        scheme, trust = ("https", ["--ca-bundle", bundle]) if bundle else ("http", [])
        text = self.run("keybroker", "bench", "--endpoint", f"{scheme}://127.0.0.1:{port}", "--region", REGION, "--json",
                        *trust, *arguments, env={"AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "credentials")})
        return json.loads(text)

    def end(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait()


def processor_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return {name: int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1024 for name in ("VmRSS", "RssAnon", "VmHWM")}


LOADS = [  # name, key, operation, connections, more
    ("Sign Ed25519, 1 connection", "alias/ed25519", "sign", 1, []),
    ("Sign Ed25519, 64 connections", "alias/ed25519", "sign", 64, []),
    ("Sign Ed25519, 8 connections x 8", "alias/ed25519", "sign", 8, ["--pipeline", "8"]),
    ("Sign RSA-2048, 64 connections", "alias/rsa", "sign", 64, []),
    ("Sign ECDSA P-256, 64 connections", "alias/p256", "sign", 64, []),
    ("GenerateMac HMAC-SHA-256, 64 connections", "alias/hmac", "generate-mac", 64, []),
    ("SignBatch Ed25519 x 1000, 2 connections", "alias/ed25519", "sign-batch", 2, []),
    ("SignBatch Ed25519 x 1000, 1 connection", "alias/ed25519", "sign-batch", 1, []),
    ("SignBatch RSA-2048 x 100, 2 connections", "alias/rsa", "sign-batch", 2, ["--batch-size", "100"]),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, default=".build/release", help="folder of the release programs")
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--boots", type=int, default=20)
    parser.add_argument("--duration", type=float, default=5, help="seconds of each load")
    parser.add_argument("--only", default="", help="loads whose name has this in it")
    parser.add_argument("--path", choices=["direct", "ingress", "both"], default="both")
    parser.add_argument("--tls", action="store_true", help="measure what TLS costs, and nothing else")
    parser.add_argument("--hold", action="store_true", help="set up, print how to reach it, and wait")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kb-bench-") as folder:
        deployment = Deployment(options.programs.resolve(), pathlib.Path(folder), options.keys)
        try:
            (measure_tls if options.tls else measure)(deployment, options)
        finally:
            deployment.end()


def median_cost(enclave, rounds, work, apart=0):
    """Processor time of the enclave for one of what `work` does and counts, but for what is measured `apart`: the median of
    some rounds, in microseconds."""
    costs = []
    for _ in range(rounds):
        before = processor_seconds(enclave)
        count = work()
        costs.append((1e6 * (processor_seconds(enclave) - before) - apart) / max(count, 1))
    return statistics.median(costs)


def measure_tls(deployment, options):
    """One keyring, one machine, one load, straight to the enclave: in clear, then over TLS."""
    def signatures(connections, bundle=None):
        def work():
            result = deployment.bench(deployment.direct, "--key", "alias/ed25519", "--operation", "sign", "--connections",
                                      connections, "--duration", options.duration, "--openssl-seconds", "0", bundle=bundle)
            return result["operationsPerSecond"] * (result["seconds"] + 1)  # The warm-up takes one second.
        return work

    def handshakes(*mode):
        def work():
            text = subprocess.run(["openssl", "s_time", "-connect", f"127.0.0.1:{deployment.direct}", "-CAfile", bundle,
                                   "-time", str(max(1, round(options.duration))), *mode], check=True, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
            return int(re.search(r"(\d+) connections in \d+ real seconds", text)[1])
        return work

    rounds, sizes = 5, (1, 64)
    enclave, _, _ = deployment.boot()
    clear = {count: median_cost(enclave, rounds, signatures(count)) for count in sizes}
    deployment.stop(enclave)
    enclave, bundle = deployment.boot_with_tls()
    print(f"processor time of the enclave, medians of {rounds} rounds:", flush=True)
    modes = {"TLS 1.3": ["-new", "-tls1_3"], "TLS 1.3, resumed": ["-reuse", "-tls1_3"], "TLS 1.2": ["-new", "-tls1_2"]}
    shakes = {name: median_cost(enclave, rounds, handshakes(*mode)) for name, mode in modes.items()}
    for name, cost in shakes.items():
        print(f"connection and handshake, {name}: {cost:6.1f} us", flush=True)
    for count in sizes:
        over = median_cost(enclave, rounds, signatures(count, bundle), apart=count * shakes["TLS 1.3"])
        print(f"Sign Ed25519, {count:2} connections: {clear[count]:6.1f} us in clear, {over:6.1f} us over TLS: TLS costs "
              f"{over - clear[count]:5.1f} us", flush=True)


def measure(deployment, options):
    boots, others = [], []
    for number in range(max(1, options.boots)):
        if number > 0:
            deployment.stop(enclave)
        enclave, seconds, waited = deployment.boot()
        boots.append(seconds)
        others.append(seconds - waited)
    for name, times in ("boot to first signature", boots), ("the same without the wait for its RSA key", others):
        print(f"{name}: median {1000 * statistics.median(times):.0f} ms, least {1000 * min(times):.0f} ms, "
              f"most {1000 * max(times):.0f} ms ({len(times)} boots)")
    memory = resident_megabytes(enclave)
    print(f"resident with {options.keys} keys: {memory['VmRSS']:.1f} MB, of it private {memory['RssAnon']:.1f} MB")
    if options.hold:
        print(f"enclave {enclave.pid}: http://127.0.0.1:{deployment.direct}, ingress: "
              f"http://127.0.0.1:{deployment.ingress}\n"
              f"export AWS_SHARED_CREDENTIALS_FILE={deployment.folder}/credentials", flush=True)
        signal.pause()
    ports = {"direct": deployment.direct, "ingress": deployment.ingress}
    for path in ports if options.path == "both" else [options.path]:
        for name, key, operation, connections, more in LOADS:
            if options.only not in name:
                continue
            before = processor_seconds(enclave)
            result = deployment.bench(ports[path], "--key", key, "--operation", operation, "--connections", connections,
                                      "--duration", options.duration, *more)
            # The processor time includes the warm-up of one second.
            count = result["operationsPerSecond"] * (result["seconds"] + 1)
            used = 1e6 * (processor_seconds(enclave) - before) / max(count, 1)
            latency = result["latencyMicroseconds"]
            # Alone on its connection a request waits for nobody: what is not the signature was added to it.
            added = f"added {latency['p50'] - 1e6 / result['openssl']['operationsPerSecond']:.0f} us  " \
                if name == "Sign Ed25519, 1 connection" else ""
            print(f"{path:8} {name:42} {result['operationsPerSecond']:9.0f}/s  ratio {result['ratio']:5.2f}  "
                  f"p50 {latency['p50']:8.0f}  p99 {latency['p99']:8.0f}  p99.9 {latency['p999']:8.0f} us  {added}"
                  f"enclave {used:6.1f} us each  load {result['loadAverage']:.1f}  "
                  f"errors {result['errors'] or 'none'}", flush=True)
    memory = resident_megabytes(enclave)
    print(f"resident after it: {memory['VmRSS']:.1f} MB, of it private {memory['RssAnon']:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
