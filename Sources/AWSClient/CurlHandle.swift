// SPDX-License-Identifier: Apache-2.0

import CLibcurl
import Encoding
import Glibc

/// A libcurl easy handle with its kept connections. It blocks.
///
/// `@safe`: the handle stays inside and lives as long as this. `@unchecked Sendable`: it is used by one worker at a time, which takes it out of the pool for that time.
@safe
final class CurlHandle: @unchecked Sendable {
    /// What a response may have, and how long it may take.
    struct Limits: Sendable {
        let timeoutSeconds: Int
        let responseLength: Int
        let certificateAuthorityFile: String?
        /// SHA-256 of an SPKI.
        let pinnedKeyDigest: [UInt8]?
    }

    enum Method: Sendable { case get, post, put }

    private let handle: UnsafeMutableRawPointer
    private let limits: Limits

    /// Nil if libcurl has no memory for one, or refuses an option that everything here relies on.
    init?(_ limits: Limits) {
        guard Self.isInitialised, let handle = unsafe curl_easy_init() else { return nil }
        unsafe self.handle = unsafe handle
        self.limits = limits
        guard configure() else { return nil }
    }

    deinit { unsafe curl_easy_cleanup(handle) }

    /// Once for the process, before any thread uses libcurl (curl_global_init(3)).
    private static let isInitialised = curl_global_init(CLong(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    private func configure() -> Bool {
        let flags: [(CURLoption, Int)] = [
            // No signals: this is a threaded program.
            (CURLOPT_NOSIGNAL, 1),
            (CURLOPT_TIMEOUT, limits.timeoutSeconds),
            (CURLOPT_CONNECTTIMEOUT, max(1, limits.timeoutSeconds / 2)),
            (CURLOPT_FOLLOWLOCATION, 0),
            (CURLOPT_SSL_VERIFYPEER, 1),
            (CURLOPT_SSL_VERIFYHOST, 2),
            (CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
            (CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)),
            (CURLOPT_TCP_NODELAY, 1),
            (CURLOPT_TCP_KEEPALIVE, 1),
        ]
        var texts: [(CURLoption, String)] = [
            (CURLOPT_PROTOCOLS_STR, "http,https"),
            // No proxy, whatever the environment says: the endpoint is the one of the configuration.
            (CURLOPT_PROXY, ""),
        ]
        if let file = limits.certificateAuthorityFile { texts.append((CURLOPT_CAINFO, file)) }
        if let digest = limits.pinnedKeyDigest {
            texts.append((CURLOPT_PINNEDPUBLICKEY, "sha256//" + Base64.encode(digest)))
        }
        return flags.allSatisfy { unsafe kb_curl_set_long(handle, $0.0, $0.1) == CURLE_OK }
            && texts.allSatisfy { unsafe kb_curl_set_text(handle, $0.0, $0.1) == CURLE_OK }
            && (unsafe kb_curl_set_receiver(handle, CURLOPT_WRITEFUNCTION, receiveBody)) == CURLE_OK
            && (unsafe kb_curl_set_receiver(handle, CURLOPT_HEADERFUNCTION, receiveHeader)) == CURLE_OK
    }

    /// One request and its whole answer. The body counts for POST and PUT.
    func perform(
        _ method: Method,
        _ url: String,
        headers: [(name: String, value: String)],
        body: [UInt8]
    ) -> Result<WebResponse, WebError> {
        guard let list = unsafe headerList(headers) else {
            return .failure(.unreachable("a header is not well formed"))
        }
        defer { unsafe curl_slist_free_all(list) }
        let reception = WebReception(limit: limits.responseLength)
        let context = unsafe Unmanaged.passUnretained(reception).toOpaque()
        var code = unsafe kb_curl_set_text(handle, CURLOPT_URL, url)
        if code == CURLE_OK { code = unsafe kb_curl_set_headers(handle, list) }
        if code == CURLE_OK { code = unsafe kb_curl_set_context(handle, CURLOPT_WRITEDATA, context) }
        if code == CURLE_OK { code = unsafe kb_curl_set_context(handle, CURLOPT_HEADERDATA, context) }
        if code == CURLE_OK {
            if method != .get {
                code = unsafe kb_curl_set_long(handle, CURLOPT_POST, 1)
                if code == CURLE_OK {
                    code = unsafe body.withUnsafeBytes { unsafe kb_curl_set_body(handle, $0.baseAddress, $0.count) }
                }
            } else {
                code = unsafe kb_curl_set_long(handle, CURLOPT_HTTPGET, 1)
            }
        }
        if code == CURLE_OK {
            // Null: the method that goes with the above.
            code = unsafe kb_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, method == .put ? "PUT" : nil)
        }
        if code == CURLE_OK { code = withExtendedLifetime(reception) { unsafe curl_easy_perform(handle) } }
        // Nothing of this request stays behind in the handle.
        _ = unsafe kb_curl_set_headers(handle, nil)
        _ = unsafe kb_curl_set_context(handle, CURLOPT_WRITEDATA, nil)
        _ = unsafe kb_curl_set_context(handle, CURLOPT_HEADERDATA, nil)

        if reception.isTooLarge { return .failure(.responseTooLarge) }
        if code == CURLE_OPERATION_TIMEDOUT { return .failure(.timeout) }
        if code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_PINNEDPUBKEYNOTMATCH {
            return .failure(.untrustedCertificate)
        }
        guard code == CURLE_OK else { return .failure(.unreachable(Self.text(code))) }
        let status = unsafe kb_curl_response_code(handle)
        return .success(WebResponse(status: status, headers: reception.headers, body: reception.body))
    }

    private func headerList(_ headers: [(name: String, value: String)]) -> UnsafeMutablePointer<curl_slist>? {
        // libcurl's own `Expect: 100-continue` costs a second where the server does not know it.
        var lines = ["Expect:"]
        for (name, value) in headers {
            let isLine = !name.isEmpty && !name.utf8.contains(UInt8(ascii: ":"))
            guard isLine, (name + value).utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
            // A line that ends with `;` is libcurl's form for a header without a value.
            lines.append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines {
            guard let longer = unsafe curl_slist_append(list, line) else {
                unsafe curl_slist_free_all(list)
                return nil
            }
            unsafe list = unsafe longer
        }
        return unsafe list
    }

    private static func text(_ code: CURLcode) -> String {
        guard let text = unsafe curl_easy_strerror(code) else { return "error \(code.rawValue)" }
        return unsafe String(cString: text)
    }
}

/// What has come of one answer.
private final class WebReception {
    /// Bytes of all header lines: what libcurl itself takes for one line (CURL_MAX_HTTP_HEADER).
    private static let headerLength = 100 * 1024

    private let limit: Int
    private var headerBytes = 0
    private(set) var headers: [(name: String, value: String)] = []
    private(set) var body: [UInt8] = []
    private(set) var isTooLarge = false

    init(limit: Int) { self.limit = limit }

    func appendBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= limit - body.count else {
            isTooLarge = true
            return false
        }
        unsafe body.append(contentsOf: bytes)
        return true
    }

    /// A line of the head; a status line begins a new one (after 100 Continue).
    func appendHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
        headerBytes += bytes.count
        guard headerBytes <= Self.headerLength else {
            isTooLarge = true
            return false
        }
        let line = unsafe String(decoding: bytes, as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            headers = []
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...]
            headers.append((name: String(line[..<colon]), value: Self.trimmed(value)))
        }
        return true
    }

    private static func trimmed(_ text: Substring) -> String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" || $0 == "\n" || $0 == "\r\n" }
        var rest = text.drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return String(rest)
    }
}

/// libcurl's contract: `size` is 1; anything but the number of bytes given ends the transfer.
private let receiveBody: kb_curl_receiver = { bytes, size, count, context in
    unsafe received(bytes, size, count, context) { unsafe $0.appendBody($1) }
}

private let receiveHeader: kb_curl_receiver = { bytes, size, count, context in
    unsafe received(bytes, size, count, context) { unsafe $0.appendHeader($1) }
}

private func received(
    _ bytes: UnsafeMutablePointer<CChar>?,
    _ size: Int,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?,
    _ append: (WebReception, UnsafeRawBufferPointer) -> Bool
) -> Int {
    let (length, overflow) = size.multipliedReportingOverflow(by: count)
    guard !overflow, let context = unsafe context, let bytes = unsafe bytes else { return 0 }
    let reception = unsafe Unmanaged<WebReception>.fromOpaque(context).takeUnretainedValue()
    return unsafe append(reception, UnsafeRawBufferPointer(start: bytes, count: length)) ? length : 0
}
