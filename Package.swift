// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// The zones of this package are its trust boundary (docs/ARCHITECTURE.md):
//
//   Sources/   neutral: both sides, or the relying party
//   enclave/   runs inside the enclave, measured
//   host/      runs on the parent instance, trusted by nobody
//
// `TrustBoundaryTests` asserts the edges between them and the external dependencies of each.

let package = Package(
    name: "confidential-key-broker",
    products: [
        .library(name: "NitroAttestation", targets: ["NitroAttestation"]),
        .library(name: "EnclaveImage", targets: ["EnclaveImage"]),
        .executable(name: "keybroker", targets: ["keybroker"]),
        .executable(name: "keybroker-enclave", targets: ["keybroker-enclave"]),
        .executable(name: "keybroker-host", targets: ["keybroker-host"]),
    ],
    traits: [
        .trait(
            name: "SoftwareModule",
            description: "The software security module, for laptops and tests. Off in every enclave image."
        ),
        .default(enabledTraits: ["SoftwareModule"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: systemLibraries + neutral + enclave + host + fixtures + benchmarks + tests
)

// MARK: System libraries and C shims

var systemLibraries: [Target] {
    [
        .target(name: "CPlatform", path: "Sources/CPlatform"),
        .systemLibrary(
            name: "COpenSSL",
            path: "Sources/COpenSSL",
            pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"])]
        ),
        .systemLibrary(
            name: "CLibCBOR",
            path: "Sources/CLibCBOR",
            pkgConfig: "libcbor",
            providers: [.apt(["libcbor-dev"])]
        ),
        .systemLibrary(
            name: "CLibcurl",
            path: "Sources/CLibcurl",
            pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev"])]
        ),
    ]
}

// MARK: Neutral

var neutral: [Target] {
    [
        .target(name: "Encoding", path: "Sources/Encoding"),
        .target(name: "CBOR", dependencies: ["CLibCBOR"], path: "Sources/CBOR"),
        .target(
            name: "Cryptography",
            dependencies: ["COpenSSL", "CPlatform", "Encoding"],
            path: "Sources/Cryptography"
        ),
        .target(name: "COSE", dependencies: ["CBOR", "Cryptography"], path: "Sources/COSE"),
        .target(
            name: "NitroAttestation",
            dependencies: ["CBOR", "COSE", "Cryptography", "Encoding"],
            path: "Sources/NitroAttestation"
        ),
        .target(
            name: "EnclaveImage",
            dependencies: ["CBOR", "COSE", "Cryptography", "Encoding"],
            path: "Sources/EnclaveImage"
        ),
        .target(
            name: "ImageBuilder",
            dependencies: ["Cryptography", "EnclaveImage", "Encoding"],
            path: "Sources/ImageBuilder"
        ),
        .target(name: "AccessPolicy", dependencies: ["Encoding"], path: "Sources/AccessPolicy"),
        .target(name: "PolicyTools", dependencies: ["AccessPolicy", "Encoding"], path: "Sources/PolicyTools"),
        .target(name: "SigV4", dependencies: ["Cryptography", "Encoding"], path: "Sources/SigV4"),
        .target(name: "KMSProtocol", dependencies: ["Encoding"], path: "Sources/KMSProtocol"),
        .target(
            name: "BrokerProtocol",
            dependencies: ["CBOR", "Cryptography", "Encoding", "KMSProtocol"],
            path: "Sources/BrokerProtocol"
        ),
        .target(
            name: "AuditTrail",
            dependencies: ["Cryptography", "Encoding"],
            path: "Sources/AuditTrail"
        ),
        .target(
            name: "Transport",
            dependencies: ["CPlatform", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1")],
            path: "Sources/Transport"
        ),
        .target(
            name: "AttestedTLS",
            dependencies: [
                "Cryptography", "Transport", nio("NIOCore"), nio("NIOHTTP1"), nio("NIOTLS"), nioSSL,
            ],
            path: "Sources/AttestedTLS"
        ),
        .target(name: "KeyringFiles", path: "Sources/KeyringFiles"),
        .target(
            name: "AWSClient",
            dependencies: ["CLibcurl", "Cryptography", "Encoding", "KMSProtocol", "SigV4"],
            path: "Sources/AWSClient"
        ),
        .target(
            name: "DevelopmentKMS",
            dependencies: [
                "AccessPolicy", "Cryptography", "Encoding", "KMSProtocol", "KeyService", "NitroAttestation", "SigV4",
                "Transport", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), log,
            ],
            path: "Sources/DevelopmentKMS"
        ),
        .executableTarget(
            name: "keybroker",
            dependencies: [
                "AWSClient", "AccessPolicy", "AttestedTLS", "AuditTrail", "BrokerProtocol", "Cryptography",
                "DevelopmentKMS", "EnclaveImage", "Encoding", "ImageBuilder", "KMSProtocol", "Keyring", "KeyringFiles",
                "NitroAttestation", "PolicyTools", "SigV4",
                "SoftwareModule", "Transport", nio("NIOCore"), nio("NIOPosix"),
                nio("NIOHTTP1"), log,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/keybroker"
        ),
    ]
}

// MARK: Enclave

var enclave: [Target] {
    [
        .target(
            name: "SecurityModule",
            dependencies: ["CBOR", "CPlatform", "Cryptography"],
            path: "enclave/Sources/SecurityModule"
        ),
        .target(
            name: "SoftwareModule",
            dependencies: [
                "BrokerProtocol", "CBOR", "COSE", "CPlatform", "Cryptography", "Encoding", "EnclaveCore",
                "KMSProtocol", "Keyring", "NitroAttestation", "SecurityModule", "Transport", nio("NIOCore"),
                nio("NIOHTTP1"),
            ],
            path: "enclave/Sources/SoftwareModule"
        ),
        .target(
            name: "KeyService",
            dependencies: ["AccessPolicy", "Cryptography", "Encoding", "KMSProtocol", "SigV4"],
            path: "enclave/Sources/KeyService"
        ),
        .target(
            name: "Keyring",
            dependencies: [
                "AccessPolicy", "BrokerProtocol", "CBOR", "COSE", "Cryptography", "Encoding", "KMSProtocol",
                "KeyService",
            ],
            path: "enclave/Sources/Keyring"
        ),
        .target(
            name: "EnclaveCore",
            dependencies: [
                "AccessPolicy", "AttestedTLS", "BrokerProtocol", "Cryptography", "Encoding", "KMSProtocol",
                "KeyService", "Keyring",
                "NitroAttestation", "SecurityModule", "SigV4", "Transport", nio("NIOCore"), nio("NIOPosix"),
                nio("NIOHTTP1"),
            ],
            path: "enclave/Sources/EnclaveCore"
        ),
        .executableTarget(
            name: "keybroker-enclave",
            dependencies: [
                "BrokerProtocol", "EnclaveCore", "Encoding", "SecurityModule",
                .target(name: "SoftwareModule", condition: .when(traits: ["SoftwareModule"])),
            ],
            path: "enclave/Sources/keybroker-enclave"
        ),
    ]
}

// MARK: Host

var host: [Target] {
    [
        .target(
            name: "HostRelay",
            dependencies: [
                "AWSClient", "AttestedTLS", "CPlatform", "Encoding", "KMSProtocol", "KeyringFiles", "SigV4",
                "Transport",
                nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), log, lifecycle, unixSignals,
            ],
            path: "host/Sources/HostRelay"
        ),
        .executableTarget(
            name: "keybroker-host",
            dependencies: ["HostRelay", "Transport", nio("NIOCore"), nio("NIOPosix"), log, lifecycle],
            path: "host/Sources/keybroker-host"
        ),
    ]
}

// MARK: Fixtures: made by the generator, read by the tests; no product reaches them

var fixtures: [Target] {
    [
        .executableTarget(
            name: "generate-fixtures",
            dependencies: [
                "BrokerProtocol", "CBOR", "COSE", "Cryptography", "Encoding", "EnclaveCore", "KMSProtocol",
                "KeyService", "Keyring", "NitroAttestation", "SecurityModule", "SoftwareModule", "Transport",
                nio("NIOCore"), nio("NIOHTTP1"),
            ],
            path: "attestation-fixtures/Sources/generate-fixtures"
        )
    ]
}

// MARK: Benchmarks that look at what is not public; the others are a package of their own

// `KEYBROKER_BENCHMARKS=1 swift build -c release --product request-benchmark`, or audit-benchmark
var benchmarks: [Target] {
    guard Context.environment["KEYBROKER_BENCHMARKS"] != nil else { return [] }
    return [
        .executableTarget(
            name: "request-benchmark",
            dependencies: [
                "AccessPolicy", "Cryptography", "EnclaveCore", "Encoding", "KMSProtocol", "KeyService", "SigV4",
            ],
            path: "Benchmarks/Sources/request-benchmark"
        ),
        .executableTarget(
            name: "audit-benchmark",
            dependencies: ["AuditTrail", "COpenSSL", "Cryptography", "Encoding"],
            path: "Benchmarks/Sources/audit-benchmark"
        ),
    ]
}

// MARK: Tests

var tests: [Target] {
    [
        .target(name: "TestSupport", dependencies: ["Encoding"], path: "Tests/TestSupport"),
        test("EncodingTests", ["Encoding"]),
        test("CBORTests", ["CBOR", "Encoding"]),
        test("CryptographyTests", ["Cryptography", "Encoding"]),
        test("COSETests", ["CBOR", "COSE", "Cryptography", "Encoding"]),
        test("NitroAttestationTests", ["CBOR", "COSE", "Cryptography", "Encoding", "NitroAttestation"]),
        test(
            "EnclaveImageTests",
            ["CBOR", "COSE", "Cryptography", "Encoding", "EnclaveImage"],
            exclude: ["Reader"]
        ),
        test("ImageBuilderTests", ["Cryptography", "EnclaveImage", "Encoding", "ImageBuilder"]),
        test("AccessPolicyTests", ["AccessPolicy", "BrokerProtocol", "Encoding", "PolicyTools"]),
        test("SigV4Tests", ["Cryptography", "Encoding", "SigV4"]),
        test("KMSProtocolTests", ["Encoding", "KMSProtocol"]),
        test("AuditTrailTests", ["AuditTrail", "Cryptography", "Encoding"], exclude: ["Independent"]),
        test(
            "AttestedTLSTests",
            [
                "AttestedTLS", "Cryptography", "Encoding", "Transport", nio("NIOCore"), nio("NIOPosix"),
                nio("NIOHTTP1"), nioSSL,
            ]
        ),
        test("TransportTests", ["Transport", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1")]),
        test(
            "AWSClientTests",
            [
                "AWSClient", "Cryptography", "Encoding", "KMSProtocol", "SigV4", "Transport", nio("NIOCore"),
                nio("NIOPosix"), nio("NIOHTTP1"),
            ]
        ),
        test(
            "SecurityModuleTests",
            ["CBOR", "COSE", "Cryptography", "Encoding", "NitroAttestation", "SecurityModule", "SoftwareModule"]
        ),
        test("KeyServiceTests", ["AccessPolicy", "Cryptography", "Encoding", "KMSProtocol", "KeyService", "SigV4"]),
        test(
            "DevelopmentKMSTests",
            [
                "AccessPolicy", "Cryptography", "DevelopmentKMS", "Encoding", "KMSProtocol", "KeyService",
                "NitroAttestation", "SecurityModule", "SigV4", "SoftwareModule", "Transport", nio("NIOCore"),
                nio("NIOPosix"), nio("NIOHTTP1"), log,
            ]
        ),
        test("BrokerProtocolTests", ["BrokerProtocol", "CBOR", "Encoding"]),
        test(
            "KeyringTests",
            ["BrokerProtocol", "CBOR", "COSE", "Cryptography", "Encoding", "KMSProtocol", "KeyService", "Keyring"]
        ),
        test(
            "EnclaveCoreTests",
            [
                "AttestedTLS", "BrokerProtocol", "Cryptography", "DevelopmentKMS", "Encoding", "EnclaveCore",
                "KMSProtocol",
                "KeyService", "Keyring", "NitroAttestation", "SecurityModule", "SigV4", "SoftwareModule", "Transport",
                "keybroker-enclave", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), log,
            ]
        ),
        test(
            "HostRelayTests",
            [
                "AWSClient", "BrokerProtocol", "Cryptography", "Encoding", "HostRelay", "KMSProtocol", "KeyringFiles",
                "SigV4", "Transport", "keybroker-host", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), log,
                lifecycle,
            ]
        ),
        test("TrustBoundaryTests", ["Encoding"]),
        // What `make test-nitro` runs inside its virtual machines.
        .executableTarget(
            name: "nitro-probe",
            dependencies: [
                "CBOR", "CPlatform", "Cryptography", "Encoding", "NitroAttestation", "SecurityModule", "Transport",
                nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"),
            ],
            path: "Tests/Nitro/nitro-probe"
        ),
        // Whole programs, as a user runs them: the executables are built beside the tests.
        test(
            "ProgramTests",
            [
                "AWSClient", "AttestedTLS", "AuditTrail", "BrokerProtocol", "Cryptography", "EnclaveImage", "Encoding",
                "KMSProtocol", "KeyService", "Keyring",
                "KeyringFiles", "NitroAttestation", "SecurityModule", "SigV4", "SoftwareModule", "Transport",
                nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), "keybroker", "keybroker-enclave", "keybroker-host",
                "generate-fixtures",
            ],
            exclude: ["Clients"]
        ),
    ]
}

// MARK: Fuzzing (Fuzz/README.md)

// Only when asked for: each is a library to libFuzzer, which has the `main`.
if Context.environment["BROKER_FUZZ"] != nil {
    package.targets.append(.target(name: "FuzzSupport", path: "Fuzz/FuzzSupport"))
    for (name, dependencies) in fuzzers {
        package.targets.append(
            .executableTarget(
                name: name,
                dependencies: dependencies.map(Target.Dependency.init(stringLiteral:)) + ["FuzzSupport"],
                path: "Fuzz/\(name)"
            )
        )
    }
}

var fuzzers: [(name: String, dependencies: [String])] {
    [
        ("FuzzAttestation", ["Encoding", "NitroAttestation"]),
        ("FuzzCBOR", ["CBOR"]),
        ("FuzzCMS", ["Cryptography"]),
        ("FuzzDossier", ["AuditTrail"]),
        ("FuzzERST", ["AuditTrail", "Encoding"]),
        ("FuzzEnclaveImage", ["EnclaveImage"]),
        ("FuzzEnvelope", ["Encoding", "KMSProtocol"]),
        ("FuzzEvents", ["AuditTrail", "Encoding"]),
        ("FuzzJSON", ["Encoding"]),
        ("FuzzKeyring", ["Keyring"]),
        ("FuzzMinisign", ["AuditTrail"]),
        ("FuzzPolicy", ["AccessPolicy", "PolicyTools"]),
        ("FuzzRegistry", ["AuditTrail", "Encoding"]),
        ("FuzzSigV4", ["Cryptography", "Encoding", "SigV4"]),
    ]
}

// MARK: Shorthands

func nio(_ name: String) -> Target.Dependency { .product(name: name, package: "swift-nio") }
var nioSSL: Target.Dependency { .product(name: "NIOSSL", package: "swift-nio-ssl") }
var log: Target.Dependency { .product(name: "Logging", package: "swift-log") }
var unixSignals: Target.Dependency { .product(name: "UnixSignals", package: "swift-service-lifecycle") }
var lifecycle: Target.Dependency { .product(name: "ServiceLifecycle", package: "swift-service-lifecycle") }

func test(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies + ["TestSupport"], path: "Tests/\(name)", exclude: exclude)
}

// MARK: One language mode for all

for target in package.targets where target.type != .system && target.name != "CPlatform" {
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
    ]
}

// MARK: A part at a time

// `KEYBROKER_TESTS=CBORTests,COSETests swift test` builds those tests and what they need, and nothing else.
if let only = Context.environment["KEYBROKER_TESTS"], !only.isEmpty {
    var wanted = Set(only.split(separator: ",").map(String.init))
    var pending = wanted
    while let name = pending.popFirst() {
        for dependency in package.targets.first(where: { $0.name == name })?.dependencies ?? [] {
            let next: String? =
                switch dependency {
                case .byNameItem(let name, _), .targetItem(let name, _): name
                default: nil
                }
            if let next, wanted.insert(next).inserted { pending.insert(next) }
        }
    }
    package.targets.removeAll { !wanted.contains($0.name) }
    package.products.removeAll { _ in true }
}
