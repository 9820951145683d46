// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import ArgumentParser
import BrokerProtocol
import Encoding

struct PolicyExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say why policies deny an attested request, and how to mend it.",
        discussion: """
            For KMS's 400 AccessDeniedException: which condition failed, with the policy's value and the document's. With
            --config, which side a PCR16 belongs to; the configuration's encryption context and KMS key are then the
            request's, unless others are named. Exit status 0: allowed; 1: denied.

              keybroker policy explain --key-policy key.json --attestation document.cbor \\
                  --principal arn:aws:iam::111122223333:role/host --config enclave.json
            """
    )

    @OptionGroup var policies: PolicyFileOptions

    @Option(help: ArgumentHelp("Who asks: a user, role, role session or account root.", valueName: "ARN"))
    var principal: String

    @Option(help: ArgumentHelp("What for.", valueName: "kms:OPERATION"))
    var action = "kms:Decrypt"

    @Option(
        help: ArgumentHelp("On what: a key's ARN. Default: *, which only a Resource of * covers.", valueName: "ARN")
    )
    var resource: String?

    @OptionGroup var document: DocumentOptions

    @Option(
        help: ArgumentHelp("The request's encryption context.", valueName: "NAME=VALUE,…|JSON")
    )
    var encryptionContext: String?

    @OptionGroup var conditions: ConditionOptions

    @Option(help: ArgumentHelp("The configuration that the enclave should run with.", valueName: "FILE"))
    var config: String?

    @Flag(help: "Print JSON (docs/reference/policy-explain-output.schema.json).")
    var json = false

    func validate() throws {
        guard policies.keyPolicy != nil || !policies.identityPolicies.isEmpty else {
            throw ValidationError("name --key-policy, --identity-policy, or both")
        }
    }

    func run() throws {
        let configuration = try config.map(MeasuredConfiguration.init)
        let document = try document.read()
        var request = SimulatedRequest(
            principal: principal,
            action: action,
            resource: resource ?? configuration?.configuration.kms.keyARN
        )
        let context =
            try encryptionContext.map(EncryptionContextOption.parse)
            ?? configuration?.configuration.tsk.encryptionContext ?? [:]
        request.conditions = RequestConditionKeys.encryptionContext(
            context.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
        )
        request.conditions.merge(try conditions.values()) { $1 }
        request.pcrs = document?.pcrs

        let policies = try policies.load()
        let access = try request.accessRequest(at: SystemClock.now())
        var unattested = request
        unattested.pcrs = nil
        let report = ExplainReport(
            decision: DecisionReport(request: access, explanation: policies.explain(access)),
            document: document,
            configuration: configuration,
            isAllowedUnattested: policies.explain(try unattested.accessRequest(at: SystemClock.now())).decision
                == .allowed
        )
        if json { Console.json(report.json) } else { report.printForPeople() }
        guard report.isAllowed else { throw CommandFailure.reported }
    }
}
