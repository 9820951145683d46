// SPDX-License-Identifier: Apache-2.0

/// What `/metrics` has, by name: each explained in docs/reference/metrics.md.
package enum Metric: String, CaseIterable, Sendable {
    case hostInfo = "keybroker_host_info"
    case hostStartTime = "keybroker_host_start_time_seconds"
    case hostReloads = "keybroker_host_reloads_total"
    case logLinesDropped = "keybroker_host_log_lines_dropped_total"

    case ingressConnections = "keybroker_ingress_connections"
    case ingressAccepted = "keybroker_ingress_connections_total"
    case ingressShed = "keybroker_ingress_shed_total"
    case ingressUnavailable = "keybroker_ingress_unavailable_total"

    case relayRefused = "keybroker_relay_refused_total"
    case kmsRequests = "keybroker_kms_requests_total"
    case kmsDuration = "keybroker_kms_request_duration_seconds"
    case keyringStores = "keybroker_keyring_stores_total"
    case credentialsAge = "keybroker_credentials_age_seconds"
    case credentialsExpiry = "keybroker_credentials_expiry_timestamp_seconds"

    case enclaveUp = "keybroker_enclave_up"
    case enclaveRestarts = "keybroker_enclave_restarts_total"
    case enclaveReportsRefused = "keybroker_enclave_reports_refused_total"
    case enclaveInfo = "keybroker_enclave_info"
    case enclaveState = "keybroker_enclave_state"
    case enclaveUptime = "keybroker_enclave_uptime_seconds"
    case enclaveConnections = "keybroker_enclave_connections"
    case keyringVersion = "keybroker_enclave_keyring_version"

    case requests = "keybroker_requests_total"
    case requestDuration = "keybroker_request_duration_seconds"
    case signatures = "keybroker_signatures_total"
    case repeatedRequests = "keybroker_repeated_requests_total"

    /// Of the Prometheus text format.
    package enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
    }

    package var kind: Kind {
        switch self {
        case .kmsDuration, .requestDuration: .histogram
        default: rawValue.hasSuffix("_total") ? .counter : .gauge
        }
    }

    /// One line: what is counted.
    var help: String {
        switch self {
        case .hostInfo: "The host's version; always 1."
        case .hostStartTime: "When the host started, seconds since the Unix epoch."
        case .hostReloads: "Configurations read again at SIGHUP, by outcome."
        case .logLinesDropped: "Log lines that nobody read in time."
        case .ingressConnections: "Connections of clients open now, by whether one to the enclave was made for them."
        case .ingressAccepted: "Connections of clients since the host started."
        case .ingressShed: "Connections of clients that the host closed, by reason."
        case .ingressUnavailable: "Connections of clients that found no enclave."
        case .relayRefused: "Connections to the relay that did not come from the enclave's CID."
        case .kmsRequests: "Requests of the enclave to KMS, by operation and outcome."
        case .kmsDuration: "How long KMS took to answer."
        case .keyringStores: "Versions of the keyring that the enclave asked to have stored, by outcome."
        case .credentialsAge: "Seconds since the AWS credentials in use were got."
        case .credentialsExpiry: "When the AWS credentials in use expire, seconds since the Unix epoch."
        case .enclaveUp: "Whether the enclave has reported within the last minute."
        case .enclaveRestarts: "Starts of the enclave after the first that this host has seen."
        case .enclaveReportsRefused: "Reports of the enclave that were not as they should be."
        case .enclaveInfo: "The enclave's version and boot id, as it says; always 1."
        case .enclaveState: "1 for the state that the enclave says it is in."
        case .enclaveUptime: "Seconds since the enclave started, as it says."
        case .enclaveConnections: "Connections open at the enclave, as it says."
        case .keyringVersion: "Version of the keyring that the enclave serves, as it says."
        case .requests: "Requests to the API, by operation and outcome, as the enclave says."
        case .requestDuration: "How long the enclave took to answer a request, as it says."
        case .signatures: "Messages that the enclave has signed, as it says."
        case .repeatedRequests: "Signed requests that came again, as the enclave says."
        }
    }
}
