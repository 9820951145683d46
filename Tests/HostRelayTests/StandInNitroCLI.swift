// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import HostRelay
import TestSupport

/// A `nitro-cli` that a test makes: a script that answers with the JSON, the words on standard error and the exit codes of
/// aws-nitro-enclaves-cli 1.5.0 (`src/common/json_output.rs`, `document_errors.rs`, `samples/command_executer/README.md`).
/// An "enclave" is a process that sleeps; it is listed for as long as that process lives, as the real one is.
struct StandInNitroCLI {
    static let pcr0 = String(repeating: "1f", count: 48)

    let folder: TemporaryDirectory
    var path: String { folder.file("nitro-cli") }
    var image: String { folder.file("broker.eif") }

    init() throws {
        folder = try TemporaryDirectory()
        try folder.write("broker.eif", Self.pcr0)
        try folder.write("nitro-cli", Self.script(folder.path), mode: 0o700)
    }

    /// What was called, one line each.
    var calls: [String] { folder.read("calls").split(separator: "\n").map(String.init) }

    /// The next calls of `command` end with this instead.
    func fail(_ command: String, saying text: String, code: Int) throws {
        try folder.write("fail-\(command)", "\(code)\n\(text)\n")
    }

    func mend(_ command: String) { try? FileManager.default.removeItem(atPath: folder.file("fail-\(command)")) }

    /// The process of the enclave that runs.
    var enclaveProcess: Int32? { Int32(folder.read("pid").dropLast()) }

    func crashEnclave() { if let id = enclaveProcess { kill(id, SIGKILL) } }

    func settings(_ change: (inout HostConfiguration.Nitro) -> Void = { _ in }) -> HostConfiguration.Nitro {
        var settings = HostConfiguration.Nitro(image: image, memoryMiB: 512, cpus: .count(2), cli: path)
        change(&settings)
        return settings
    }

    private static func script(_ folder: String) -> String {
        #"""
        #!/bin/sh
        cd \#(folder) || exit 1
        echo "$@" >> calls
        command=$1; shift
        if [ -e "fail-$command" ]; then tail -n +2 "fail-$command" >&2; exit "$(head -n 1 "fail-$command")"; fi
        alive() { [ -e pid ] && kill -0 "$(cat pid)" 2>/dev/null && ! grep -q ') Z ' "/proc/$(cat pid)/stat"; }
        common() {
            cat <<END
          "EnclaveName": "$(cat name)",
          "EnclaveID": "i-abc12345def67890a-enc$(cat id)",
          "ProcessID": $(cat pid),
          "EnclaveCID": $(cat cid),
          "NumberOfCPUs": 2,
          "CPUIDs": [
            1,
            3
          ],
        END
        }
        case $command in
        run-enclave)
            cid=17; flags=NONE; name=broker
            while [ $# -gt 0 ]; do
                case $1 in
                --enclave-cid) cid=$2; shift;;
                --enclave-name) name=$2; shift;;
                --memory) memory=$2; shift;;
                --eif-path) image=$2; shift;;
                --debug-mode) flags=DEBUG_MODE;;
                esac
                shift
            done
            [ -e always-debug ] && flags=DEBUG_MODE
            echo $cid > cid; echo $flags > flags; echo $memory > memory; cat "$image" > measured
            printf '%s' "$name" > name
            printf '%s%s' "$$" abcd543210ef12 > id
            sleep 1000 > /dev/null 2>&1 & echo $! > pid
            echo "Start allocating memory..." >&2
            echo "Started enclave with enclave-cid: $cid, memory: $memory MiB, cpu-ids: [1, 3]" >&2
            printf '{\n'; common; printf '  "MemoryMiB": %s\n}\n' "$memory";;
        describe-enclaves)
            alive || { echo '[]'; exit 0; }
            printf '[\n  {\n'; common
            cat <<END
            "MemoryMiB": $(cat memory),
            "State": "RUNNING",
            "Flags": "$(cat flags)",
            "Measurements": {
              "HashAlgorithm": "Sha384 { ... }",
              "PCR0": "$(cat measured)",
              "PCR1": "$(cat measured)",
              "PCR2": "$(cat measured)"
            }
          }
        ]
        END
            ;;
        terminate-enclave)
            kill -9 "$(cat pid)"
            echo "Successfully terminated enclave i-abc12345def67890a-enc$(cat id)." >&2
            printf '{\n  "EnclaveName": "%s",\n  "EnclaveID": "%s",\n  "Terminated": true\n}\n' "$(cat name)" "$2";;
        describe-eif)
            printf '{\n  "EifVersion": 4,\n  "Measurements": {\n    "HashAlgorithm": "Sha384 { ... }",\n'
            printf '    "PCR0": "%s"\n  },\n  "IsSigned": false,\n  "CheckCRC": true\n}\n' "$(cat "$2")";;
        esac

        """#
    }
}
