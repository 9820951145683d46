// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// For commands that take something away: they ask on a terminal, and want `--yes` where nobody can answer.
struct Confirmation: ParsableArguments {
    @Flag(help: "Do it without asking.")
    var yes = false

    /// Returns if the user agrees to `what`, a whole sentence.
    func require(_ what: String) throws(CommandFailure) {
        if yes { return }
        guard isatty(STDIN_FILENO) == 1 else {
            throw .usage("\(what) Nobody is here to be asked: say --yes")
        }
        Console.writeError("\(what) Go on? [y/N] ")
        let answer = readLine(strippingNewline: true)?.lowercased() ?? ""
        guard answer == "y" || answer == "yes" else { throw .failed("nothing was changed") }
    }
}
