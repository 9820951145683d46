#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shell blocks for KMS as they are commonly published, with the aws command (version 1): as printed, its outcome; as
# corrected, success, judged by openssl. Against a development KMS in AWS_ENDPOINT_URL_KMS. Ends with `ok`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export AWS_PAGER="" AWS_EC2_METADATA_DISABLED=true AWS_MAX_ATTEMPTS=1

# refused NAME TEXT COMMAND...: the command fails, and says so.
refused() {
    local name=$1 text=$2
    shift 2
    if "$@" >output 2>error; then
        echo "not refused: $*" >&2
        exit 1
    fi
    grep -qF -- "$name" error && grep -qF -- "$text" error || {
        echo "refused otherwise: $*" >&2
        cat error >&2
        exit 1
    }
    echo "right  ${*:3:6}"
}
new_key() { aws kms create-key --query KeyMetadata.KeyId --output text "$@"; }

# A placeholder in angle brackets is a redirection.
refused "syntax error" "newline" bash -c 'aws kms create-alias --alias-name alias/tsk --target-key-id <KeyId>'

# An RSA key, its public half, and a signature over a digest, as printed: in order, it works.
AUDIT_SIGNING_KMS_KEY_ID=$(new_key --description "audit signing" --key-usage SIGN_VERIFY --customer-master-key-spec RSA_2048)
aws kms get-public-key --key-id "$AUDIT_SIGNING_KMS_KEY_ID" --query PublicKey --output text | base64 --decode >public_key.der
openssl rsa -pubin -inform DER -in public_key.der -pubout -out public_key.pem 2>/dev/null
printf '{"test":1}\n' >message
openssl dgst -sha256 -binary message >digest.bin
aws kms sign --key-id "$AUDIT_SIGNING_KMS_KEY_ID" --message-type DIGEST --message fileb://digest.bin \
    --signing-algorithm RSASSA_PKCS1_V1_5_SHA_256 --query Signature --output text | base64 --decode >sig.bin
openssl dgst -sha256 -verify public_key.pem -signature sig.bin message | grep -qx 'Verified OK'

# An Ed25519 key: the older parameter has no name for it, and `openssl rsa` does not read it.
refused ValidationException "Value 'ED25519' at 'customerMasterKeySpec'" \
    aws kms create-key --key-usage SIGN_VERIFY --customer-master-key-spec ED25519 --origin AWS_KMS
key=$(new_key --key-usage SIGN_VERIFY --key-spec ECC_NIST_EDWARDS25519)
aws kms get-public-key --key-id "$key" --query PublicKey --output text | base64 --decode >ed25519.der
refused "" "" openssl rsa -pubin -inform DER -in ed25519.der -pubout -out ed25519.pem
openssl pkey -pubin -inform DER -in ed25519.der -pubout -out ed25519.pem
aws kms sign --key-id "$key" --message-type RAW --message fileb://digest.bin \
    --signing-algorithm ED25519_SHA_512 --query Signature --output text | base64 --decode >ed25519.sig
openssl pkeyutl -verify -pubin -inkey ed25519.pem -rawin -in digest.bin -sigfile ed25519.sig >/dev/null

# A digest in base64 on the command line: version 1 of the command sends the text itself, which is no digest.
key=$(new_key --key-usage SIGN_VERIFY --key-spec ECC_NIST_P256)
aws kms create-alias --alias-name alias/official --target-key-id "$key"
refused ValidationException "Digest is invalid length for algorithm ECDSA_SHA_256." \
    aws kms sign --key-id alias/official --message-type DIGEST --signing-algorithm ECDSA_SHA_256 \
    --message "$(base64 <digest.bin)"
aws kms sign --key-id alias/official --message-type DIGEST --signing-algorithm ECDSA_SHA_256 \
    --message fileb://digest.bin --query Signature --output text | base64 --decode >p256.sig
aws kms get-public-key --key-id alias/official --query PublicKey --output text | base64 --decode >p256.der
openssl pkeyutl -verify -pubin -keyform DER -inkey p256.der -in digest.bin -sigfile p256.sig >/dev/null

# A wrapped data key: what the output has is base64, and the command wants the bytes.
key=$(new_key --key-usage ENCRYPT_DECRYPT --key-spec SYMMETRIC_DEFAULT)
aws kms generate-data-key-without-plaintext --key-id "$key" --key-spec AES_256 --query CiphertextBlob --output text >blob.b64
refused InvalidCiphertextException "" aws kms decrypt --key-id "$key" --ciphertext-blob fileb://blob.b64
base64 --decode <blob.b64 >encrypted-key.bin
[ "$(aws kms decrypt --key-id "$key" --ciphertext-blob fileb://encrypted-key.bin --query Plaintext --output text |
    base64 --decode | wc -c)" = 32 ]

echo ok
