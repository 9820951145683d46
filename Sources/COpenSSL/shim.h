// OpenSSL 3 headers, and a function for each macro, variadic or OSSL_PARAM list that is awkward in Swift.
#pragma once

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/// Writes PKCS#8 PrivateKeyInfo into `output`, which has room for `*count` bytes; `*count` becomes what was written.
/// OpenSSL wipes its own copy (a BIO's memory). 1 when done.
static inline int kb_private_key_info(EVP_PKEY *key, void *output, size_t *count) {
    // The context keeps pointers to these strings: they must outlive it.
    OSSL_ENCODER_CTX *context = OSSL_ENCODER_CTX_new_for_pkey(key, EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo", NULL);
    unsigned char *position = (unsigned char *)output;
    size_t left = *count;
    int result = context == NULL ? 0 : OSSL_ENCODER_to_data(context, &position, &left);
    *count -= left;
    OSSL_ENCODER_CTX_free(context);
    return result;
}

/// What decodes PKCS#8 PrivateKeyInfo, in DER, of keys of a type into `*place`, again and again.
static inline OSSL_DECODER_CTX *kb_private_key_decoder(EVP_PKEY **place, const char *type) {
    return OSSL_DECODER_CTX_new_for_pkey(place, "DER", "PrivateKeyInfo", type, EVP_PKEY_KEYPAIR, NULL, NULL);
}

/// Chooses the hash of a MAC context. 1 when done.
static inline int kb_mac_set_digest(EVP_MAC_CTX *context, const char *digest) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(context, parameters);
}

/// One HKDF step (RFC 5869): `extra` is the salt or the info, as `extra_name` says. 1 when done.
static inline int kb_hkdf(EVP_KDF_CTX *context, int mode, const char *digest, const void *key, size_t key_count,
                          const char *extra_name, const void *extra, size_t extra_count, void *output,
                          size_t output_count) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, key_count),
        OSSL_PARAM_construct_octet_string(extra_name, (void *)extra, extra_count),
        OSSL_PARAM_construct_end(),
    };
    return EVP_KDF_derive(context, (unsigned char *)output, output_count, parameters);
}
