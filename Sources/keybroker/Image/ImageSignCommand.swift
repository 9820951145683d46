// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import EnclaveImage
import Encoding
import Foundation

struct ImageSignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign an enclave image, which gives it a PCR8.",
        discussion: """
            Writes a copy with a signature of PCR0 (ES384) under a P-384 key; an older signature is left out. PCR0 to PCR2
            stay as they are. PCR8 is the same for every image that is signed under the certificate, so that a key policy
            can name the signer instead of each image. nitro-cli refuses to start an image whose certificate has expired.

              openssl ecparam -name secp384r1 -genkey -noout -out signer.key
              openssl req -new -x509 -key signer.key -sha384 -days 365 -subj /CN=image-signer -out signer.pem
              keybroker image sign broker.eif --key signer.key --certificate signer.pem -o broker-signed.eif
            """
    )

    @Argument(help: ArgumentHelp("An enclave image file (EIF).", valueName: "FILE"))
    var file: String

    @Option(
        name: [.customLong("key"), .customLong("private-key")],
        help: ArgumentHelp("The private key, P-384: PEM or PKCS#8 DER; - for standard input.", valueName: "FILE|-")
    )
    var key: String

    @Option(
        name: [.customLong("certificate"), .customLong("signing-certificate")],
        help: ArgumentHelp("Its certificate, PEM.", valueName: "FILE")
    )
    var certificate: String

    @Option(name: .shortAndLong, help: ArgumentHelp("Where the signed image goes; may be FILE.", valueName: "FILE"))
    var output: String

    @Flag(help: "Print the PCRs as JSON (docs/reference/image-measurement.schema.json).")
    var json = false

    func run() throws {
        let signer = try self.signer()
        let input = unsafe open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard input >= 0 else { throw CommandFailure.usage("\(file): cannot be read: \(SystemError.text(errno))") }
        defer { close(input) }
        let image: EnclaveImageFile
        do {
            image = try EnclaveImageFile(reading: input)
        } catch {
            throw ImageInput.failure(file, error)
        }
        let signed = try write { output throws(EnclaveImageError) in
            let copy = try image.writeSigned(by: signer, from: input, to: output)
            try copy.check(ImagePolicy(certificate: signer.certificate), at: SystemClock.now())
            return copy
        }
        let values = signed.measurements.values.sorted { $0.key < $1.key }
        if json {
            Console.json(.object(JSONObject(values.map { ("PCR\($0.key)", .string(Hex.encode($0.value))) })))
        } else {
            for (index, value) in values { Console.line("PCR\(index)   \(Hex.encode(value))") }
        }
    }

    private func signer() throws(CommandFailure) -> ImageSigner {
        let certificate = try ImageInput.certificate(self.certificate)
        var secret = try SecretInput.read(key)
        do {
            return try ImageSigner(privateKey: &secret, certificate: certificate)
        } catch {
            switch error.reason {
            case .otherSigningKey: throw .failed("\(self.certificate): is not the certificate of \(key)")
            case .unsupportedSigningKey:
                throw .failed("\(key): not a P-384 key: openssl ecparam -name secp384r1 -genkey -noout makes one")
            default: throw .usage("\(key): not a private key in PEM or PKCS#8, or encrypted (\(error.detail))")
            }
        }
    }

    /// A whole file or none: under another name first.
    private func write(
        _ body: (CInt) throws(EnclaveImageError) -> EnclaveImageFile
    ) throws(CommandFailure) -> EnclaveImageFile {
        let temporary = output + ".new"
        let descriptor = unsafe open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw .failed("\(output): cannot be written: \(SystemError.text(errno))")
        }
        defer { close(descriptor) }
        do {
            let result = try body(descriptor)
            guard fsync(descriptor) == 0, unsafe rename(temporary, output) == 0 else {
                let code = errno
                _ = unsafe unlink(temporary)
                throw CommandFailure.failed("\(output): cannot be written: \(SystemError.text(code))")
            }
            return result
        } catch let failure as CommandFailure {
            throw failure
        } catch let error as EnclaveImageError {
            _ = unsafe unlink(temporary)
            throw .failed("\(output): \(error)")
        } catch {
            _ = unsafe unlink(temporary)
            throw .failed("\(output): cannot be written")
        }
    }
}
