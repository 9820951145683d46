// The Nitro security module's device, the kernel's entropy pool and boot time, and what keeps memory out of core files.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// One exchange with an open /dev/nsm. `*response_length` is the capacity of `response`, and then what was written.
/// Returns 0 or an errno value.
int kb_nsm_exchange(
    int device, const void *request, size_t request_length, void *response, size_t *response_length);

/// Adds at most 512 bytes to the kernel's pool and credits 8 bits for each (RNDADDENTROPY, needs CAP_SYS_ADMIN).
/// Where that is refused, the bytes are still mixed in, uncredited. Returns 0 if credited, else an errno value.
int kb_credit_entropy(const void *bytes, size_t count);

/// Milliseconds since boot, suspended time included (CLOCK_BOOTTIME); negative if the kernel has no such clock.
int64_t kb_boottime_milliseconds(void);

/// No core files, and no ptrace or /proc/PID/mem by other processes of the same user. Returns 0 or an errno value.
int kb_forbid_memory_dumps(void);
