// SPDX-License-Identifier: Apache-2.0

extension Demo {
    /// Prints how to call the broker, and waits until it is interrupted.
    func keepRunning(_ broker: DemoBroker, sealed: DemoKeyring, in world: DemoWorld) async throws {
        let credentials = folder.file("credentials")
        Console.line()
        Console.line("Running until interrupted (Ctrl-C). In another terminal:")
        Console.line()
        let environment = TrustedEnvironment(url: broker.url, bundle: bundle, region: Self.region)
        for line in environment.lines { Console.line("  " + line) }
        Console.line("  export AWS_SHARED_CREDENTIALS_FILE=\(credentials)")
        Console.line("  aws kms describe-key --key-id alias/audit-ed25519")
        Console.line("  aws kms sign --key-id alias/audit-ed25519 --signing-algorithm ED25519_SHA_512 \\")
        Console.line("      --message fileb:///etc/hostname --message-type RAW")
        Console.line("  python3 - <<'PYTHON'")
        Console.line("  import boto3")
        Console.line("  kms = boto3.client('kms')")
        Console.line("  print(kms.sign(KeyId='alias/audit-p256', Message=b'digest'.ljust(32), MessageType='DIGEST',")
        Console.line("                 SigningAlgorithm='ECDSA_SHA_256')['Signature'].hex())")
        Console.line("  PYTHON")
        Console.line("  keybroker trust --endpoint \(broker.url) --root \(world.module)/root.pem \\")
        Console.line("      --binary \(programs.enclave) --config \(sealed.configurationFile)")
        Console.line()
        await Signals.interruption()
    }
}
