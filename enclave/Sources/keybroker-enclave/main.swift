// SPDX-License-Identifier: Apache-2.0

import EnclaveCore
import Glibc

switch EnclaveArguments.parse(Array(CommandLine.arguments.dropFirst())) {
case .print(let text):
    StandardStreams.output(text)
    exit(0)
case .usage(let problem):
    StandardStreams.error(problem)
    exit(2)
case .run(let arguments):
    if let problem = EnclaveProgram.cryptographyProblem {
        StandardStreams.error(problem)
        exit(1)
    }
    do {
        let module = try securityModule(arguments.module)
        #if SoftwareModule
            let (tap, warning) = try recorder(arguments)
            exit(EnclaveProgram.run(arguments, module: module, tap: tap, warning: warning))
        #else
            exit(EnclaveProgram.run(arguments, module: module))
        #endif
    } catch {
        StandardStreams.error("\(error)")
        exit(1)
    }
}
