#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Signs a digest with the aws command, over TLS that ends inside the enclave.
#
#     eval "$(keybroker trust --endpoint https://… --pcr 0=… --pcr 16=…)"
#     export AWS_SHARED_CREDENTIALS_FILE=credentials
#     ./sign.sh alias/audit-p256
set -euo pipefail
digest=$(mktemp)
trap 'rm -f "$digest"' EXIT
printf 'an audit event' | openssl dgst -sha256 -binary > "$digest"
aws kms sign --key-id "$1" --message "fileb://$digest" --message-type DIGEST --signing-algorithm ECDSA_SHA_256 \
    --query Signature --output text | base64 -d | od -An -tx1 -v | tr -d ' \n'
echo
