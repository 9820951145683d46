// OpenSSL 3, as much of it as a reference measurement needs.
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>

/// A new key on P-384; NULL if it cannot be made. (A macro over a variadic function, which Swift does not see.)
static inline EVP_PKEY *reference_p384_key(void) { return EVP_EC_gen("P-384"); }
