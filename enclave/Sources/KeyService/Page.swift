// SPDX-License-Identifier: Apache-2.0

package import Encoding
package import KMSProtocol

/// One page of a list in the order of its names. The marker is the last name of the page before, so that it holds
/// although elements come and go.
package struct Page<Element> {
    private let elements: ArraySlice<Element>
    private let nextMarker: String?

    /// - Throws: `InvalidMarkerException` for a marker that no page gave.
    package init(
        of list: [Element],
        limit: Int,
        after marker: String?,
        name: (Element) -> String
    ) throws(KMSError) {
        var remaining = list.sorted { name($0) < name($1) }[...]
        if let marker {
            guard let bytes = try? Base64.decode(marker), let last = String(validating: bytes, as: UTF8.self) else {
                throw KMSError("InvalidMarkerException", "Could not deserialize marker '\(marker)'")
            }
            remaining = remaining.drop { name($0) <= last }
        }
        elements = remaining.prefix(limit)
        nextMarker =
            elements.count < remaining.count ? elements.last.map { Base64.encode(name($0).utf8) } : nil
    }

    /// `{member: [...], Truncated, NextMarker?}`
    package func output(as member: String, _ json: (Element) -> JSON) -> JSONObject {
        var output = JSONObject([
            (member, .array(elements.map(json))), ("Truncated", .bool(nextMarker != nil)),
        ])
        if let nextMarker { output["NextMarker"] = .string(nextMarker) }
        return output
    }
}
