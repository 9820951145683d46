// SPDX-License-Identifier: Apache-2.0

import Encoding

/// An error of the AWS JSON 1.1 protocol: `__type`, message, HTTP status.
package struct KMSError: Error, Equatable, Sendable {
    /// Bare shape name, e.g. `NotFoundException`.
    package let name: String
    /// Nil: the body has no message member (real KMS does that for some errors).
    package let message: String?

    package init(_ name: String, _ message: String? = nil) {
        self.name = name
        self.message = message
    }

    /// 500 for DependencyTimeoutException, KMSInternalException and KeyUnavailableException, else 400.
    package var httpStatus: Int {
        switch name {
        case "DependencyTimeoutException", "KMSInternalException", "KeyUnavailableException": 500
        default: 400
        }
    }

    /// The body: `{"__type":…,"message":…}`; AccessDeniedException has `Message`.
    package var body: [UInt8] {
        var object = JSONObject([("__type", .string(name))])
        if let message {
            object[name == "AccessDeniedException" ? "Message" : "message"] = .string(message)
        }
        return JSON.object(object).serialized()
    }

    /// Reads an error body of KMS or of this broker (client side).
    package init?(body: [UInt8]) { self.init(body: body, errorTypeHeader: nil) }

    /// Reads an error response: the header ``KMSHeader/errorType`` if there is one, else the body, names the error
    /// (Smithy, AWS JSON 1.1: "Operation error serialization").
    package init?(body: [UInt8], errorTypeHeader: String?) {
        let limits = JSONLimits(totalLength: KMSLimits.errorBody, depth: KMSLimits.requestDepth)
        let object = (try? JSON.parse(body, limits: limits))?.object
        guard
            let type = errorTypeHeader ?? object?["__type"]?.string ?? object?["code"]?.string,
            let name = Self.bareName(type)
        else { return nil }
        self.init(name, object?["message"]?.string ?? object?["Message"]?.string)
    }

    /// Everything from `:` on goes, then everything up to `#`. Nil if no name of letters and digits is left.
    private static func bareName(_ type: String) -> String? {
        let beforeColon = type.prefix { $0 != ":" }
        let name = beforeColon.lastIndex(of: "#").map { beforeColon[beforeColon.index(after: $0)...] } ?? beforeColon
        let isName =
            !name.isEmpty && name.utf8.count <= KMSLimits.target
            && name.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || $0.value <= 0x39 && $0.value >= 0x30)
            }
        return isName ? String(name) : nil
    }
}
