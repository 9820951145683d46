// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding

struct PolicySimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Say what policies decide of a request, and which statement does.",
        discussion: """
            Prints allowed, explicitDeny or implicitDeny. Exit status 0: allowed; 1: denied. What follows from the principal
            (aws:PrincipalArn, kms:CallerAccount, …) is known, and so are the time and aws:SecureTransport (true); other
            condition keys are absent unless given.

              keybroker policy simulate --key-policy key.json --principal arn:aws:iam::111122223333:role/host \\
                  --action kms:Decrypt --attestation document.cbor --condition kms:EncryptionContext:app=audit

            With --cases: many requests with the decision that each must get. Exit status 0: all as expected; 1: not.

              keybroker policy simulate --cases cases.json
            """
    )

    @Option(
        help: ArgumentHelp(
            "Policies and requests (docs/reference/policy-cases.schema.json).",
            valueName: "FILE"
        )
    )
    var cases: String?

    @OptionGroup var policies: PolicyFileOptions

    @Option(help: ArgumentHelp("Who asks: a user, role, role session or account root.", valueName: "ARN"))
    var principal: String?

    @Option(help: ArgumentHelp("What for.", valueName: "kms:OPERATION"))
    var action: String?

    @Option(help: ArgumentHelp("On what. Default: *, which only a Resource of * covers.", valueName: "ARN"))
    var resource: String?

    @OptionGroup var conditions: ConditionOptions

    @OptionGroup var document: DocumentOptions

    @Flag(help: "Print JSON (docs/reference/policy-simulate-output.schema.json).")
    var json = false

    func validate() throws {
        if cases == nil {
            guard principal != nil, action != nil else {
                throw ValidationError("name --principal and --action, or a file of --cases")
            }
            guard policies.keyPolicy != nil || !policies.identityPolicies.isEmpty else {
                throw ValidationError("name --key-policy, --identity-policy, or both")
            }
        } else {
            guard
                principal == nil, action == nil, resource == nil, policies.keyPolicy == nil,
                policies.identityPolicies.isEmpty, conditions.conditions.isEmpty, document.attestation == nil,
                document.pcrs.isEmpty
            else { throw ValidationError("with --cases, the file has policies and requests") }
        }
    }

    func run() throws {
        if let cases { return try runCases(cases) }
        guard let principal, let action else { return }
        var request = SimulatedRequest(principal: principal, action: action, resource: resource)
        request.conditions = try conditions.values()
        if let document = try document.read() {
            // KMS looks at no policy before it has verified the document.
            if let reason = document.refusal {
                throw CommandFailure.failed("KMS would refuse the attestation document: \(reason)")
            }
            request.pcrs = document.pcrs
        }
        let access = try request.accessRequest(at: SystemClock.now())
        let report = DecisionReport(request: access, explanation: try policies.load().explain(access))
        if json { Console.json(report.json) } else { report.printForPeople() }
        guard report.isAllowed else { throw CommandFailure.reported }
    }

    private func runCases(_ path: String) throws {
        let results = try SimulationCases.read(path).run(at: SystemClock.now())
        if json { Console.json(results.json) } else { results.printForPeople() }
        guard results.failed == 0 else { throw CommandFailure.reported }
    }
}
