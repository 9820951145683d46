# SPDX-License-Identifier: Apache-2.0
"""Signs a digest with an unmodified AWS SDK, over TLS that ends inside the enclave.

    eval "$(keybroker trust --endpoint https://… --pcr 0=… --pcr 16=…)"
    export AWS_SHARED_CREDENTIALS_FILE=credentials
    python3 sign.py alias/audit-p256
"""

import hashlib
import sys

import boto3

digest = hashlib.sha256(b"an audit event").digest()
kms = boto3.client("kms")
answer = kms.sign(
    KeyId=sys.argv[1], Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
)
print(answer["Signature"].hex())
