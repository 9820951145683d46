#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The aws command against the broker. Ends with a line `ok` and status 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export AWS_PAGER="" AWS_EC2_METADATA_DISABLED=true AWS_MAX_ATTEMPTS=1

printf 'an audit event' | openssl dgst -sha256 -binary >"$folder/digest"

aws kms get-public-key --key-id alias/audit-p256 --query PublicKey --output text | base64 -d >"$folder/public.der"
aws kms sign --key-id alias/audit-p256 --message "fileb://$folder/digest" --message-type DIGEST \
    --signing-algorithm ECDSA_SHA_256 --query Signature --output text | base64 -d >"$folder/signature"
openssl pkeyutl -verify -pubin -keyform DER -inkey "$folder/public.der" -in "$folder/digest" \
    -sigfile "$folder/signature" -pkeyopt digest:sha256 >/dev/null

aws kms verify --key-id alias/audit-p256 --message "fileb://$folder/digest" --message-type DIGEST \
    --signing-algorithm ECDSA_SHA_256 --signature "fileb://$folder/signature" --query SignatureValid --output text |
    grep -qx True

[ "$(aws kms generate-mac --key-id alias/audit-hmac --message "fileb://$folder/digest" \
    --mac-algorithm HMAC_SHA_256 --query Mac --output text | base64 -d | wc -c)" = 32 ]

if aws kms sign --key-id alias/audit-p256 --message "fileb://$folder/digest" --message-type DIGEST \
    --signing-algorithm RSASSA_PSS_SHA_256 2>"$folder/error"; then
    echo "an incompatible algorithm was accepted" >&2
    exit 1
fi
grep -q InvalidKeyUsageException "$folder/error"

echo ok
