// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import KMSProtocol
import SigV4

/// Credentials, KMS and the clock, by one request that changes nothing.
struct DoctorKMS: Sendable {
    /// Seconds between this clock and the signer's that AWS bears (SigV4 in KMS).
    private static let clockTolerance: Int64 = 300
    /// Seconds from which on it is worth a word.
    private static let clockNotice: Int64 = 60

    struct Result: Sendable {
        var findings: [DoctorFinding] = []
        /// The key's policy, if it may be read.
        var policy: [UInt8]?
        /// Who asks; nil if nobody says.
        var caller: String?
    }

    let endpoint: String
    let region: String
    let keyARN: String
    let profile: String?
    let certificateAuthorityFile: String?

    func examine() async -> Result {
        var result = Result()
        let context = CredentialContext(region: region, clock: SystemClock.now)
        let resolved: ResolvedCredentials
        do {
            resolved = try await CredentialChain(context, profile: profile).resolve()
        } catch {
            result.findings = [
                .failed(
                    .credentials,
                    error.description,
                    mend: "attach a role to the instance (aws ec2 associate-iam-instance-profile), or set kms.profile"
                ),
                .skipped(.kms, "it was not asked without credentials"), .skipped(.clock, "KMS was not asked"),
            ]
            return result
        }
        let caller = await self.caller(resolved.credentials, context)
        if case .success(let arn) = caller { result.caller = arn }
        result.findings.append(credentials(resolved, caller))
        await ask(resolved.credentials, &result)
        return result
    }

    /// Nil: STS of AWS knows nothing of a development KMS's users.
    private func caller(
        _ credentials: AWSCredentials,
        _ context: CredentialContext
    ) async -> Swift.Result<String, CredentialError>? {
        guard endpoint.contains(".amazonaws.com") || context.variables["AWS_ENDPOINT_URL_STS"] != nil else {
            return nil
        }
        do throws(CredentialError) {
            return .success(try await STSClient(context).callerARN(as: credentials))
        } catch {
            return .failure(error)
        }
    }

    private func credentials(
        _ resolved: ResolvedCredentials,
        _ caller: Swift.Result<String, CredentialError>?
    ) -> DoctorFinding {
        let end = resolved.expiration.map { ", until \($0.rfc3339)" } ?? ""
        switch caller {
        case .failure(let error):
            return .failed(
                .credentials,
                "from \(resolved.source)\(end), and STS does not take them: \(error)",
                mend: "are they still good, and is the way to STS open?"
            )
        case .success(let arn): return .ok(.credentials, "from \(resolved.source)\(end): \(arn)")
        case nil: return .ok(.credentials, "from \(resolved.source)\(end)")
        }
    }

    private func ask(_ credentials: AWSCredentials, _ result: inout Result) async {
        let client = KMSClient(
            endpoint: endpoint,
            region: region,
            credentials: credentials,
            transport: WebTransport(certificateAuthorityFile: certificateAuthorityFile),
            clock: SystemClock.now
        )
        let response: WebResponse
        do {
            response = try await client.forward(
                "\(TargetPrefix.kms).GetKeyPolicy",
                JSON.object(JSONObject([("KeyId", .string(keyARN)), ("PolicyName", "default")])).serialized()
            )
        } catch {
            result.findings.append(
                .failed(
                    .kms,
                    "\(endpoint): \(error)",
                    mend:
                        "is the endpoint of the key's region right, and open from this subnet (a VPC endpoint for KMS, "
                        + "or a way to the internet; port 443)?"
                )
            )
            result.findings.append(.skipped(.clock, "KMS did not answer"))
            return
        }
        result.findings.append(answered(response, &result))
        result.findings.append(clock(response))
    }

    private func answered(_ response: WebResponse, _ result: inout Result) -> DoctorFinding {
        if response.status == 200 {
            let text = (try? JSON.parse(response.body))?.object?["Policy"]?.string
            result.policy = text.map { Array($0.utf8) }
            return .ok(.kms, "\(endpoint) answers, and gives the key's policy")
        }
        let header = response.header("x-amzn-errortype")
        guard let error = KMSError(body: response.body, errorTypeHeader: header) else {
            return .failed(.kms, "\(endpoint) answers HTTP \(response.status)", mend: "is that the endpoint of a KMS?")
        }
        let line = KMSClient.Failure.line(error)
        switch error.name {
        case "AccessDeniedException":
            // As it should be for the host's role: it may Decrypt, and nothing else.
            return .ok(.kms, "\(endpoint) answers; these credentials may not read the key's policy")
        case "NotFoundException":
            return .failed(
                .kms,
                line,
                mend: "is kms.keyArn of the broker's configuration a key of this region and account?"
            )
        case "InvalidSignatureException":
            return .failed(.kms, line, mend: "see the clock below; else the secret access key is not the right one")
        case "UnrecognizedClientException", "ExpiredTokenException", "InvalidClientTokenId":
            return .failed(.kms, line, mend: "these credentials are not of this AWS, or have ended")
        default:
            return .failed(.kms, line, mend: "the name of the error says what is in the way")
        }
    }

    private func clock(_ response: WebResponse) -> DoctorFinding {
        guard let text = response.header("date"), let theirs = HTTPDate.parse(text) else {
            return .skipped(.clock, "KMS says no time")
        }
        let ahead = SystemClock.now().seconds - theirs.seconds
        let message =
            abs(ahead) <= 1
            ? "as KMS's" : "\(abs(ahead)) s \(ahead > 0 ? "ahead of" : "behind") KMS's"
        let mend = "sudo systemctl enable --now chronyd (server 169.254.169.123 on EC2), or set the clock"
        if abs(ahead) >= Self.clockTolerance { return .failed(.clock, message, mend: mend) }
        if abs(ahead) >= Self.clockNotice { return .warning(.clock, message, mend: mend) }
        return .ok(.clock, message)
    }
}

/// IMF-fixdate (RFC 9110 section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func parse(_ text: String) -> Timestamp? {
        guard let parts = text.wholeMatch(of: /[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d:\d\d:\d\d) GMT/),
            let month = months.firstIndex(of: String(parts.2))
        else { return nil }
        let number = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        return Timestamp(rfc3339: "\(parts.3)-\(number)-\(parts.1)T\(parts.4)Z")
    }
}
