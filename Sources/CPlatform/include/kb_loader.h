// Which shared objects a program maps: the running one, and one that is not run.
#pragma once

#include <stddef.h>

/// Calls `visit` with the name of every object that the dynamic loader has mapped into this process.
void kb_each_loaded_object(void (*visit)(const char *name, void *context), void *context);

/// Runs `interpreter --list program` (glibc's dynamic loader: it maps and resolves, and does not run the program) with
/// an empty environment and without a shell. `*length` is the capacity of `output`, and then what was written.
/// Returns 0, or an errno value: ENOEXEC if the loader refuses the program, EFBIG if it says more than fits.
int kb_list_shared_objects(const char *interpreter, const char *program, char *output, size_t *length);
