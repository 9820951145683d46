// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// Measures the package above from outside: over its public API, as a user has it. The root knows nothing of this.

let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "confidential-key-broker", path: "..")
    ],
    targets: [
        // OpenSSL alone, for what everything is compared with.
        .systemLibrary(
            name: "CReferenceOpenSSL",
            pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]
        ),
        .executableTarget(
            name: "verification-benchmark",
            dependencies: [
                "CReferenceOpenSSL", .product(name: "NitroAttestation", package: "confidential-key-broker"),
            ]
        ),
    ]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
    ]
}
