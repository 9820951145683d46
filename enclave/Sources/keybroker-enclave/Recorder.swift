// SPDX-License-Identifier: Apache-2.0

#if SoftwareModule
    import BrokerProtocol
    import EnclaveCore
    import SoftwareModule

    /// What records the boot into the folder that the command line names, if it names one.
    ///
    /// - Parameter arguments: The command line.
    /// - Returns: What stands between the boot and its environment, and what the log says of it first.
    /// - Throws: ``ModuleUnavailable`` if the folder cannot be used.
    func recorder(_ arguments: EnclaveArguments) throws(ModuleUnavailable) -> (tap: BootTap, warning: String?) {
        guard let directory = arguments.recordDirectory else { return ({ $0 }, nil) }
        do {
            let folder = try RecordingFolder(directory, report: StandardStreams.error)
            let recorder = UnlockRecorder(producer: "keybroker-enclave \(productVersion)") {
                bootID,
                number,
                recording in
                folder.write(recording, bootID: bootID, number: number)
            }
            return (recorder.tap, "RECORDING: the unlock key of this enclave is written to a file (--record)")
        } catch {
            throw ModuleUnavailable(description: "--record: \(error.detail)")
        }
    }
#endif
