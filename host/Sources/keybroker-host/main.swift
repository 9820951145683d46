// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostRelay

exit(await HostProgram.run(Array(CommandLine.arguments.dropFirst())))
