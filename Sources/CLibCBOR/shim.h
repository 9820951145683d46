// Only the streaming decoder and the head encoders of libcbor: `cbor_load` allocates what its input declares.
#pragma once

#include <cbor.h>
