// SPDX-License-Identifier: Apache-2.0

/// What a security module, or the way to it, reports.
package enum SecurityModuleError: Error, Equatable, Sendable {
    /// Error codes of the NSM (`ErrorCode` of aws-nitro-enclaves-nsm-api, without `Success`).
    package enum Code: String, Sendable, CaseIterable {
        case invalidArgument = "InvalidArgument"
        case invalidIndex = "InvalidIndex"
        case invalidResponse = "InvalidResponse"
        case readOnlyIndex = "ReadOnlyIndex"
        case invalidOperation = "InvalidOperation"
        case bufferTooSmall = "BufferTooSmall"
        case inputTooLarge = "InputTooLarge"
        case internalError = "InternalError"
    }

    case module(Code)
    /// The response is not what the dialect says.
    case malformedResponse
    /// The response fills its buffer: it may be cut.
    case responseTooLarge
    case requestTooLarge
    /// The device cannot be opened, or the ioctl fails.
    case unavailable(errno: Int32)
}
