#define _DEFAULT_SOURCE
#include "CPlatform.h"

#include <string.h>

void kb_wipe(void *bytes, size_t count) { explicit_bzero(bytes, count); }
