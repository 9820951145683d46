// SPDX-License-Identifier: Apache-2.0

/// AWS's message for a request that was denied, as `AccessDeniedException` carries it.
package func accessDeniedMessage(_ request: AccessRequest, _ decision: AccessDecision) -> String {
    let opening =
        "User: \(request.principal) is not authorized to perform: \(request.action) on resource: \(request.resource)"
    switch decision {
    case .allowed: return opening
    case .explicitDeny(let source): return opening + " with an explicit deny in \(source.withArticle) policy"
    case .implicitDeny(let source):
        return opening + " because no \(source.adjective) policy allows the \(request.action) action"
    }
}

extension AccessDecision.Source {
    fileprivate var adjective: String {
        switch self {
        case .keyPolicy: "resource-based"
        case .identityPolicy: "identity-based"
        }
    }

    fileprivate var withArticle: String {
        switch self {
        case .keyPolicy: "a resource-based"
        case .identityPolicy: "an identity-based"
        }
    }
}
