// SPDX-License-Identifier: Apache-2.0
// Signs a digest from Node without any package, over TLS that ends inside the enclave. With the AWS SDK for JavaScript
// the same variables are enough; this shows what it does.
//
//     eval "$(keybroker trust --endpoint https://… --pcr 0=… --pcr 16=…)"
//     export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…
//     node sign.mjs alias/audit-p256
import { createHash, createHmac } from "node:crypto";
import { request } from "node:https";

const endpoint = new URL(process.env.AWS_ENDPOINT_URL_KMS);
const region = process.env.AWS_REGION;
const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const hmac = (key, data) => createHmac("sha256", key).update(data).digest();

const body = JSON.stringify({
    KeyId: process.argv[2],
    Message: createHash("sha256").update("an audit event").digest("base64"),
    MessageType: "DIGEST",
    SigningAlgorithm: "ECDSA_SHA_256",
});

// Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
const scope = `${time.slice(0, 8)}/${region}/kms/aws4_request`;
const headers = {
    "content-type": "application/x-amz-json-1.1",
    host: endpoint.host,
    "x-amz-date": time,
    "x-amz-target": "TrentService.Sign",
};
const names = Object.keys(headers).sort();
const canonical = [
    "POST", "/", "", ...names.map((name) => `${name}:${headers[name]}`), "", names.join(";"), sha256(body),
].join("\n");
const key = scope.split("/").reduce(hmac, "AWS4" + process.env.AWS_SECRET_ACCESS_KEY);
const signature = hmac(key, ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n")).toString("hex");
headers.authorization =
    `AWS4-HMAC-SHA256 Credential=${process.env.AWS_ACCESS_KEY_ID}/${scope}, ` +
    `SignedHeaders=${names.join(";")}, Signature=${signature}`;

const sent = request(endpoint, { method: "POST", headers }, async (response) => {
    const text = (await response.toArray()).join("");
    if (response.statusCode !== 200) throw new Error(text);
    console.log(Buffer.from(JSON.parse(text).Signature, "base64").toString("hex"));
});
sent.end(body);
