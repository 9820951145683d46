// What Linux offers and neither Swift's Glibc module nor Debian 12's headers declare.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kb_loader.h"
#include "kb_process.h"
#include "kb_security_module.h"

/// Overwrites `count` bytes in a way that the compiler cannot remove.
void kb_wipe(void *bytes, size_t count);
