// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import BrokerProtocol
import Encoding

/// Whether the KMS key's policy releases the TSK to this enclave, and to nobody without it.
struct PolicyCheck: Sendable {
    let policy: PolicySource
    let configuration: MeasuredConfiguration
    /// The enclave's registers, as far as they are known.
    let pcrs: [Int: [UInt8]]
    /// Who asks KMS; nil: not known.
    let principal: String?

    func findings() -> [DoctorFinding] {
        guard let pcr0 = pcrs[0] else {
            return [
                .skipped(.keyPolicy, "PCR0 is not known: name the image with --image, or --pcr 0=HEX")
            ]
        }
        guard let principal else {
            return [
                .skipped(.keyPolicy, "who asks KMS is not known: name the host's role with --role")
            ]
        }
        do throws(CommandFailure) {
            return try judged(pcr0, principal)
        } catch {
            return [.failed(.keyPolicy, error.message, mend: "name the host's role with --role arn:aws:iam::…:role/…")]
        }
    }

    private func judged(_ pcr0: [UInt8], _ principal: String) throws(CommandFailure) -> [DoctorFinding] {
        let broker = configuration.configuration
        var request = SimulatedRequest(principal: principal, action: "kms:Decrypt", resource: broker.kms.keyARN)
        request.conditions = RequestConditionKeys.encryptionContext(
            broker.tsk.encryptionContext.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
        )
        request.pcrs = pcrs
        var unattested = request
        unattested.pcrs = nil
        var policies = RequestPolicies()
        policies.key = policy
        let now = SystemClock.now()
        let access = try request.accessRequest(at: now)
        let open = try unattested.accessRequest(at: now)
        let report = DecisionReport(request: access, explanation: policies.explain(access))
        let isOpen = policies.explain(open).decision == .allowed
        let advice = PolicyAdviser(
            decision: report,
            document: RequestDocument(pcrs: pcrs),
            configuration: configuration,
            isAllowedUnattested: isOpen
        ).advice
        let image = Hex.encode(pcr0).prefix(12)
        let measured = "PCR0 \(image)…, PCR16 \(Hex.encode(configuration.pcr16).prefix(12))…"
        var findings: [DoctorFinding] = [
            report.isAllowed
                ? .ok(.keyPolicy, "releases the TSK to \(principal) with \(measured)")
                : .failed(
                    .keyPolicy,
                    "does not release the TSK to \(principal) with \(measured)",
                    mend: advice.isEmpty ? "keybroker policy key makes one that does" : "as below"
                )
        ]
        for advice in advice {
            let values = (advice.demanded.map { "policy \($0)" } + advice.found.map { "request \($0)" })
                .joined(separator: ", ")
            findings.append(
                DoctorFinding(
                    check: .keyPolicy,
                    status: report.isAllowed ? .warning : .failed,
                    message: advice.message + (values.isEmpty ? "" : " (\(values))"),
                    mend: advice.mend
                )
            )
        }
        return findings
    }
}
