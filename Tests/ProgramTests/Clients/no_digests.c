// SPDX-License-Identifier: Apache-2.0

// Preloaded into a process, it takes the hash functions out of its OpenSSL.

#include <stddef.h>

void *EVP_MD_fetch(void *context, const char *name, const char *properties) { return NULL; }
