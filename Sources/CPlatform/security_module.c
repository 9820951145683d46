#define _GNU_SOURCE
#include "kb_security_module.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// As linux/nsm.h (Linux 6.8) has it; Debian 12's headers are older.
struct nsm_raw {
    struct iovec request;
    struct iovec response;
};
#define NSM_IOCTL_RAW _IOWR(0x0A, 0x0, struct nsm_raw)
_Static_assert(sizeof(void *) != 8 || NSM_IOCTL_RAW == 0xC0200A00, "the number that the driver answers to");

int kb_nsm_exchange(
    int device, const void *request, size_t request_length, void *response, size_t *response_length) {
    struct nsm_raw message = {
        .request = {.iov_base = (void *)request, .iov_len = request_length},
        .response = {.iov_base = response, .iov_len = *response_length},
    };
    if (ioctl(device, NSM_IOCTL_RAW, &message) != 0) return errno;
    *response_length = message.response.iov_len;
    return 0;
}

#define MAXIMUM_ENTROPY 512

int kb_credit_entropy(const void *bytes, size_t count) {
    if (count == 0 || count > MAXIMUM_ENTROPY) return EINVAL;
    union {
        struct rand_pool_info info;
        unsigned char space[sizeof(struct rand_pool_info) + MAXIMUM_ENTROPY];
    } pool;
    pool.info.entropy_count = (int)(count * 8);
    pool.info.buf_size = (int)count;
    memcpy(pool.space + sizeof(struct rand_pool_info), bytes, count);
    int outcome = 0;
    int device = open("/dev/random", O_WRONLY | O_CLOEXEC);
    if (device < 0) {
        outcome = errno;
    } else {
        if (ioctl(device, RNDADDENTROPY, &pool.info) != 0) {
            outcome = errno;
            if (write(device, bytes, count) < 0) { /* Best effort: the refusal is what is told. */
            }
        }
        close(device);
    }
    explicit_bzero(&pool, sizeof pool);
    return outcome;
}

int64_t kb_boottime_milliseconds(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) return -1;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int kb_forbid_memory_dumps(void) {
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0) return errno;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno;
    return 0;
}
