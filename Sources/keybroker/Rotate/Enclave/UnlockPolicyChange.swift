// SPDX-License-Identifier: Apache-2.0

import Encoding
import PolicyTools

/// The three policies of a rotation: the one in force, the one that admits both enclaves, and the one for the new alone.
struct UnlockPolicyChange: Sendable {
    let old: String
    let both: String
    let new: String
    let simulation: ReleaseSimulation

    /// Who may ask and who manages, in the user's words.
    struct Principals: Sendable {
        /// Empty: as in the policy in force.
        let hosts: [String]
        let administrators: [String]
    }

    /// - Throws: unless the policy in force is the one that `keybroker policy key` makes for the old enclave, or `given` says
    ///   what is to stand in its place; unless it releases to the old enclave; or for a result that would be wrong.
    init(
        inForce: String,
        keyARN: String,
        old: EnclaveIdentity,
        new: EnclaveIdentity,
        given: Principals,
        context: [String: [String]]
    ) throws(CommandFailure) {
        let principals: Principals
        var pins: [Int: [UInt8]] = [:]
        if given.hosts.isEmpty {
            guard let shape = Shape(inForce), try shape.policy(old) else {
                throw .failed(
                    "\(keyARN): the policy in force is not what keybroker policy key prints for the old enclave (\(old.line)): "
                        + "are --previous-image and --previous-config those of the enclave that runs? To put a policy of that kind "
                        + "in the place of another one, say who asks and who manages: --role, --admin"
                )
            }
            principals = Principals(hosts: shape.hosts, administrators: shape.administrators)
            pins = shape.pins
        } else {
            principals = given
        }
        // What a file does not measure (role, instance, signer) stays as it is, unless the user names it.
        let newPins = pins.reduce(into: [:]) { $0[$1.key] = new.pcrs[$1.key] ?? $1.value }
        simulation = ReleaseSimulation(
            keyARN: keyARN,
            hosts: principals.hosts,
            administrators: principals.administrators,
            old: old.with(pins),
            new: new.with(newPins)
        )
        let release = { (previous: UnlockPolicy.Identity?) in
            UnlockPolicy.Release(hosts: principals.hosts, enclave: new.pinned(newPins), previous: previous)
        }
        self.old = inForce
        both = try Self.text(principals, release(old.pinned(pins)), context)
        self.new = try Self.text(principals, release(nil), new.encryptionContext.mapValues { [$0] })
        try check(isReplacing: !given.hosts.isEmpty)
    }

    private func check(isReplacing: Bool) throws(CommandFailure) {
        if isReplacing {
            try simulation.requireReleased(old)
        } else {
            try simulation.require(old, releasesToOld: true, releasesToNew: false)
        }
        try simulation.require(both, releasesToOld: true, releasesToNew: true)
        try simulation.require(new, releasesToOld: false, releasesToNew: true)
        try simulation.requireClean(both)
        try simulation.requireClean(new)
    }

    private static func text(_ principals: Principals, _ release: UnlockPolicy.Release, _ context: [String: [String]])
        throws(CommandFailure) -> String
    {
        do throws(UnlockPolicyError) {
            let policy = try UnlockPolicy(
                administrators: principals.administrators,
                release: release,
                encryptionContext: context
            )
            return String(decoding: policy.json.serialized(pretty: true), as: UTF8.self)
        } catch {
            throw .usage(Console.printable(error.description))
        }
    }

    /// What is read from a policy that has the generator's statements.
    private struct Shape {
        let text: String
        let hosts: [String]
        let administrators: [String]
        /// Registers beside PCR0 and PCR16.
        let pins: [Int: [UInt8]]

        init?(_ policy: String) {
            guard let document = (try? JSON.parse(Array(policy.utf8)))?.object,
                let statements = document["Statement"]?.array?.compactMap(\.object)
            else { return nil }
            func statement(_ sid: String) -> JSONObject? { statements.first { $0["Sid"]?.string == sid } }
            func principals(_ sid: String) -> [String] {
                let value = statement(sid)?["Principal"]?.object?["AWS"]
                return value?.string.map { [$0] } ?? value?.array?.compactMap(\.string) ?? []
            }
            text = policy
            hosts = principals("HostMayAsk")
            administrators = principals("Administration")
            var pins: [Int: [UInt8]] = [:]
            for statement in statements {
                guard let sid = statement["Sid"]?.string, sid.hasPrefix("NoOtherPCR"),
                    let index = Int(sid.dropFirst(10)),
                    let value = statement["Condition"]?.object?.members.first?.value.object?.members.first?.value.string
                else { continue }
                pins[index] = try? Hex.decode(value.lowercased())
            }
            self.pins = pins
            guard !hosts.isEmpty, !administrators.isEmpty else { return nil }
        }

        /// Whether it is, in every word, the generator's for this enclave.
        func policy(_ old: EnclaveIdentity) throws(CommandFailure) -> Bool {
            let release = UnlockPolicy.Release(hosts: hosts, enclave: old.pinned(pins))
            let own = try UnlockPolicyChange.text(
                Principals(hosts: hosts, administrators: administrators),
                release,
                old.encryptionContext.mapValues { [$0] }
            )
            return UnlockKey.isSame(own, text)
        }
    }
}
