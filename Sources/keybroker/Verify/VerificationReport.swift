// SPDX-License-Identifier: Apache-2.0

import Encoding
import NitroAttestation

/// A verdict and what the document says, for people and for programs.
struct VerificationReport: Sendable {
    private let verdict: Verdict
    private let policy: VerificationPolicy
    /// What the document claims, if it parses; attested only if the verdict says so.
    private let claims: AttestationDocument?

    init(document: [UInt8], verdict: Verdict, policy: VerificationPolicy) {
        self.verdict = verdict
        self.policy = policy
        switch verdict {
        case .accepted(let attestation): claims = attestation.document
        case .rejected: claims = try? UnverifiedAttestation(parsing: document).claims
        }
    }

    private var identity: VerifiedAttestation.Identity {
        if case .accepted(let attestation) = verdict { attestation.identity } else { .unchecked }
    }

    private var chain: [CertificateSummary] { (try? claims?.certificateSummaries()) ?? [] }

    // MARK: For programs

    /// docs/reference/verify-output.schema.json
    var json: JSON {
        var object = JSONObject()
        switch verdict {
        case .accepted:
            object["verdict"] = "accepted"
            object["reason"] = .null
        case .rejected(let rejection):
            object["verdict"] = "rejected"
            object["reason"] = .string(rejection.reason.rawValue)
            object["detail"] = .string(rejection.detail)
        }
        object["identity"] = .string(identity.rawValue)
        object["document"] = claims.map(documentJSON) ?? .null
        return .object(object)
    }

    private func documentJSON(_ claims: AttestationDocument) -> JSON {
        let pcrs = claims.pcrs.sorted { $0.key < $1.key }.map { (String($0.key), JSON.string(Hex.encode($0.value))) }
        func bytes(_ value: [UInt8]?) -> JSON { value.map { .string(Hex.encode($0)) } ?? .null }
        return .object(
            JSONObject([
                ("moduleId", .string(claims.moduleID)),
                ("digest", .string(claims.digest)),
                ("timestamp", .string(claims.timestamp.rfc3339)),
                ("debug", .bool(claims.isDebugMode)),
                ("pcrs", .object(JSONObject(pcrs))),
                ("publicKey", bytes(claims.publicKey)),
                ("userData", bytes(claims.userData)),
                ("nonce", bytes(claims.nonce)),
                ("certificates", .array(chain.map(certificateJSON))),
            ])
        )
    }

    private func certificateJSON(_ certificate: CertificateSummary) -> JSON {
        [
            "subject": .string(certificate.subject),
            "serialNumber": .string(certificate.serialNumber),
            "notBefore": .string(certificate.notBefore.rfc3339),
            "notAfter": .string(certificate.notAfter.rfc3339),
            "sha256": .string(Hex.encode(certificate.fingerprint)),
        ]
    }

    // MARK: For people

    func printForPeople() {
        if let claims {
            var facts = Table()
            facts.add(["module", Console.printable(claims.moduleID)])
            facts.add(["time", claims.timestamp.rfc3339])
            facts.add([
                "mode",
                claims.isDebugMode
                    ? Console.styled("debug: nothing about the image is attested", .yellow) : "production",
            ])
            facts.add(["public key", length(claims.publicKey)])
            facts.add(["user data", length(claims.userData)])
            facts.add(["nonce", length(claims.nonce, mark: policy.nonce.map { $0 == claims.nonce })])
            for line in facts.lines { Console.line(line) }
            printChain()
            printPCRs(claims)
        }
        printVerdict()
    }

    private func printChain() {
        guard !chain.isEmpty else { return }
        Console.line()
        var table = Table(["CERTIFICATE", "VALID FROM", "TO"])
        for (level, certificate) in chain.enumerated() {
            table.add([
                String(repeating: " ", count: level) + Console.printable(certificate.subject, limit: 100),
                certificate.notBefore.rfc3339,
                certificate.notAfter.rfc3339,
            ])
        }
        for line in table.lines { Console.line(line) }
    }

    private func printPCRs(_ claims: AttestationDocument) {
        Console.line()
        var table = Table(["PCR", "VALUE", ""])
        for index in Set(claims.pcrs.keys).union(policy.pcrs.keys).sorted() {
            let value = claims.pcrs[index]
            let isZero = value?.allSatisfy { $0 == 0 } ?? false
            guard !isZero || policy.pcrs[index] != nil || index < 3 else { continue }
            table.add([
                String(index), value.map(Hex.encode) ?? "absent", mark(policy.pcrs[index].map { $0 == value }),
            ])
        }
        for line in table.lines { Console.line(line) }
        Console.line("(PCRs that are all zero are left out)")
    }

    private func printVerdict() {
        Console.line()
        switch verdict {
        case .accepted:
            let names = policy.pcrs.keys.sorted().map { "PCR\($0)" }.joined(separator: ", ")
            let identity =
                identity == .checked
                ? "identity: checked (\(names))"
                : "identity: unchecked (a genuine enclave, nobody said which: name it with --pcr)"
            Console.line(Console.styled("accepted", .green) + "  " + identity)
        case .rejected(let rejection):
            Console.line(
                Console.styled("rejected", .red) + "  \(rejection.reason.rawValue): "
                    + Console.printable(rejection.detail)
            )
        }
    }

    private func length(_ value: [UInt8]?, mark matches: Bool? = nil) -> String {
        guard let value else { return "none" + mark(matches) }
        let preview = value.isEmpty ? "" : "  " + Hex.encode(value.prefix(24)) + (value.count > 24 ? "…" : "")
        return "\(value.count) bytes\(preview)" + mark(matches)
    }

    private func mark(_ matches: Bool?) -> String {
        switch matches {
        case nil: ""
        case true?: Console.styled(" ✓ as demanded", .green)
        case false?: Console.styled(" ✗ not as demanded", .red)
        }
    }
}
