// SPDX-License-Identifier: Apache-2.0

// `Timestamp` is part of this library's interface, and the only public declaration of the module that it comes from:
// whoever imports this library has it, without a module that is no product.
@_exported public import Encoding
