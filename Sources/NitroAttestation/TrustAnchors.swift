// SPDX-License-Identifier: Apache-2.0

import Cryptography

/// Where trust begins: certificates that the caller names. A document's own `cabundle[0]` must equal one of them.
public struct TrustAnchors: Sendable {
    /// DER of each certificate.
    let certificates: [[UInt8]]

    /// AWS commercial regions (SHA-256 641A0321…79BB5B).
    public static let aws = TrustAnchors(embedded: AWSRoots.commercial)
    /// AWS GovCloud (US) (SHA-256 20BCD30A…668B3B).
    public static let awsUSGov = TrustAnchors(embedded: AWSRoots.usGov)

    /// One or more PEM certificates. Text between them is passed over; other PEM objects are refused.
    ///
    /// - Throws: ``TrustAnchorError`` if there is none, or one does not parse.
    public init(pem: String) throws(TrustAnchorError) {
        guard pem.utf8.count <= AttestationLimits.trustAnchorText else {
            throw TrustAnchorError("more than \(AttestationLimits.trustAnchorText) bytes of PEM")
        }
        let blocks = try Self.blocks(of: pem)
        guard !blocks.isEmpty else { throw TrustAnchorError("no PEM certificate") }
        guard blocks.count <= AttestationLimits.trustAnchorCount else {
            throw TrustAnchorError("more than \(AttestationLimits.trustAnchorCount) certificates")
        }
        var certificates: [[UInt8]] = []
        for (index, block) in blocks.enumerated() {
            do {
                certificates.append(try Certificate(pem: block).der)
            } catch {
                throw TrustAnchorError("certificate \(index + 1) of \(blocks.count) does not parse")
            }
        }
        self.certificates = certificates
    }

    /// All certificates of several sets.
    public init(_ sets: [TrustAnchors]) {
        self.certificates = sets.flatMap(\.certificates)
    }

    /// For what was read by someone else: DER certificates, in the order given.
    package init(der certificates: [[UInt8]]) {
        self.certificates = certificates
    }

    /// The embedded roots parse, as a test shows. If one did not, the set would be empty, and nothing trusted.
    private init(embedded pem: String) {
        self = (try? TrustAnchors(pem: pem)) ?? TrustAnchors([])
    }

    /// What the anchors are, for people.
    public var summaries: [CertificateSummary] {
        certificates.compactMap { der in (try? Certificate(der: der)).map(CertificateSummary.init) }
    }

    /// Whether a certificate is one of the anchors, byte for byte.
    func contains(_ certificate: [UInt8]) -> Bool {
        certificates.contains(certificate)
    }
}

// MARK: PEM

extension TrustAnchors {
    private static let boundary = "-----"
    private static let begin = "-----BEGIN CERTIFICATE-----"
    private static let end = "-----END CERTIFICATE-----"

    /// The certificates in a text, each with its BEGIN and END line (RFC 7468 section 2).
    private static func blocks(of pem: String) throws(TrustAnchorError) -> [String] {
        var blocks: [String] = []
        var open: [Substring]?
        for line in pem.split(whereSeparator: \.isNewline) {
            let trimmed = line.trimmingSpaces
            if trimmed == begin, open == nil {
                open = [line]
            } else if trimmed == end, let lines = open {
                blocks.append((lines + [line]).joined(separator: "\n"))
                open = nil
            } else if trimmed.hasPrefix(boundary) {
                throw TrustAnchorError("a PEM boundary other than those of certificates, or out of order")
            } else {
                open?.append(line)
            }
        }
        guard open == nil else { throw TrustAnchorError("a PEM certificate without its end") }
        return blocks
    }
}

extension Substring {
    /// Without spaces and tabs at both ends.
    fileprivate var trimmingSpaces: Substring {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let head = drop(while: isSpace)
        guard let last = head.lastIndex(where: { !isSpace($0) }) else { return head }
        return head[...last]
    }
}

/// A root file that holds no usable certificate.
public struct TrustAnchorError: Error, Sendable, Equatable {
    /// One line for people.
    public let detail: String

    init(_ detail: String) {
        self.detail = detail
    }
}
