// SPDX-License-Identifier: Apache-2.0
//
// The first process of the enclave image: makes the machine ready, starts the enclave's program, and restarts the
// machine when that ends.
//
// Static and small: everything in it is measured (PCR0, PCR1). It reads nothing that comes from outside the image but
// the random bytes of the security module and one byte of the parent, and stops for neither. Whatever goes wrong is said
// on the console and left to the enclave's program, which refuses to serve without what it needs.

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "kb_security_module.h"

/// Kernel modules, loaded in the order of their names.
#define MODULES "/modules"
#define PROGRAM "/usr/bin/keybroker-enclave"
/// There only if the image carries its configuration.
#define CONFIGURATION "/etc/keybroker/enclave.json"
#define SECURITY_MODULE "/dev/nsm"

/// The parent instance as an enclave sees it, where nitro-cli waits for one byte and sends it back.
#define PARENT_CID 3
#define HEARTBEAT_PORT 9000
#define HEARTBEAT 0xB7
#define HEARTBEAT_MILLISECONDS 5000

/// The driver makes the device while it is loaded; this is for one that does so a moment later.
#define DEVICE_MILLISECONDS 1000
#define DEVICE_PAUSE_MILLISECONDS 10

/// A connection is a descriptor. The kernel's default for the first process is 1,024.
#define DESCRIPTORS 65536

/// A response holds 256 random bytes on real modules.
#define MAXIMUM_RESPONSE 1024

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("init: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static void say_failure(const char *what) { say("%s: %s", what, strerror(errno)); }

static long long milliseconds(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void mount_file_system(const char *type, const char *target, unsigned long flags) {
    // The kernel may have mounted /dev by itself (CONFIG_DEVTMPFS_MOUNT).
    if (mount(type, target, type, flags, NULL) != 0 && errno != EBUSY) say_failure(target);
}

static void mount_file_systems(void) {
    mount_file_system("devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC);
    mount_file_system("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
    mount_file_system("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

static void open_console(void) {
    int console = open("/dev/console", O_RDWR | O_NOCTTY);
    if (console < 0) return;
    for (int descriptor = 0; descriptor < 3; descriptor++) dup2(console, descriptor);
    if (console > 2) close(console);
}

static int is_module(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void load_modules(void) {
    struct dirent **entries;
    int count = scandir(MODULES, &entries, is_module, alphasort);
    for (int index = 0; index < count; index++) {
        char path[sizeof MODULES + sizeof entries[index]->d_name];
        snprintf(path, sizeof path, MODULES "/%s", entries[index]->d_name);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        // Built in, or loaded as part of another: as good.
        if (file < 0 || (syscall(SYS_finit_module, file, "", 0) != 0 && errno != EEXIST)) say_failure(path);
        if (file >= 0) close(file);
        free(entries[index]);
    }
    if (count >= 0) free(entries);
}

static void bring_up_loopback(void) {
    int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo"};
    if (any < 0 || ioctl(any, SIOCGIFFLAGS, &request) != 0) {
        say_failure("loopback");
    } else {
        request.ifr_flags |= IFF_UP;
        if (ioctl(any, SIOCSIFFLAGS, &request) != 0) say_failure("loopback");
    }
    if (any >= 0) close(any);
}

static int open_security_module(void) {
    const long long deadline = milliseconds() + DEVICE_MILLISECONDS;
    const struct timespec pause = {.tv_nsec = DEVICE_PAUSE_MILLISECONDS * 1000000L};
    for (;;) {
        int device = open(SECURITY_MODULE, O_RDWR | O_CLOEXEC);
        if (device >= 0 || errno != ENOENT || milliseconds() > deadline) return device;
        nanosleep(&pause, NULL);
    }
}

/// The random bytes in `{"GetRandom": {"random": bytes}}`, CBOR in its shortest form; null if it is anything else.
static const unsigned char *random_bytes(const unsigned char *response, size_t length, size_t *count) {
    static const char prefix[] = "\xA1\x69GetRandom\xA1\x66random";
    size_t at = sizeof prefix - 1;
    if (length < at + 3 || memcmp(response, prefix, at) != 0) return NULL;
    const unsigned char head = response[at];
    if (head >= 0x40 && head <= 0x57) {
        *count = head - 0x40u;
        at += 1;
    } else if (head == 0x58) {
        *count = response[at + 1];
        at += 2;
    } else if (head == 0x59) {
        *count = (size_t)response[at + 1] << 8 | response[at + 2];
        at += 3;
    } else {
        return NULL;
    }
    return *count > 0 && *count == length - at ? response + at : NULL;
}

/// Before the program starts: the kernel gives it a stack protector's secret and its addresses out of this pool.
static void seed_pool(void) {
    static const char request[] = "\x69GetRandom";
    unsigned char response[MAXIMUM_RESPONSE];
    size_t length = sizeof response;
    size_t count = 0;
    int device = open_security_module();
    if (device < 0) {
        say_failure(SECURITY_MODULE);
        return;
    }
    int error = kb_nsm_exchange(device, request, sizeof request - 1, response, &length);
    const unsigned char *bytes = error == 0 ? random_bytes(response, length, &count) : NULL;
    if (error == 0) error = bytes ? kb_credit_entropy(bytes, count) : EBADMSG;
    if (error != 0) say("random bytes of " SECURITY_MODULE ": %s", strerror(error));
    explicit_bzero(response, sizeof response);
    close(device);
}

static int wait_for(int connection, short events, long long deadline) {
    struct pollfd waiting = {.fd = connection, .events = events};
    const long long left = deadline - milliseconds();
    int ready = left > 0 ? poll(&waiting, 1, (int)left) : 0;
    if (ready == 0) errno = ETIMEDOUT;
    return ready > 0 ? 0 : -1;
}

static int exchange_heartbeat(int connection, long long deadline) {
    const struct sockaddr_vm parent = {
        .svm_family = AF_VSOCK, .svm_cid = PARENT_CID, .svm_port = HEARTBEAT_PORT};
    if (connect(connection, (const struct sockaddr *)&parent, sizeof parent) != 0) {
        if (errno != EINPROGRESS || wait_for(connection, POLLOUT, deadline) != 0) return -1;
        int error = 0;
        socklen_t size = sizeof error;
        if (getsockopt(connection, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return -1;
        if (error != 0) {
            errno = error;
            return -1;
        }
    }
    unsigned char byte = HEARTBEAT;
    if (send(connection, &byte, 1, MSG_NOSIGNAL) != 1) return -1;
    if (wait_for(connection, POLLIN, deadline) != 0) return -1;
    if (recv(connection, &byte, 1, 0) != 1) return -1;
    if (byte == HEARTBEAT) return 0;
    errno = EPROTO;
    return -1;
}

/// Tells nitro-cli that the enclave has booted. An enclave that nobody waits for runs all the same.
static void send_heartbeat(void) {
    int connection = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection < 0 || exchange_heartbeat(connection, milliseconds() + HEARTBEAT_MILLISECONDS) != 0) {
        say_failure("heartbeat");
    }
    if (connection >= 0) close(connection);
}

static void raise_descriptors(void) {
    const struct rlimit limit = {.rlim_cur = DESCRIPTORS, .rlim_max = DESCRIPTORS};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) say_failure("limit of descriptors");
}

/// Nothing that runs here writes a file.
static void protect_files(void) {
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) != 0) say_failure("/ read-only");
}

static pid_t start_program(void) {
    static char *arguments[] = {
        PROGRAM, "--relay", "vsock://3:7000", "--listen", "vsock://any:7001", "--module", "nsm", NULL, NULL, NULL};
    static char *const environment[] = {NULL};
    const size_t end = sizeof arguments / sizeof *arguments - 3;
    if (access(CONFIGURATION, F_OK) == 0) {
        arguments[end] = "--config";
        arguments[end + 1] = CONFIGURATION;
    }
    pid_t child = fork();
    if (child == 0) {
        setsid();
        execve(PROGRAM, arguments, environment);
        say_failure(PROGRAM);
        _exit(127);
    }
    if (child < 0) say_failure("fork");
    return child;
}

/// Every process that ends is reaped here, the program's own and orphans.
static void wait_for_program(pid_t program) {
    for (;;) {
        int status;
        pid_t ended = waitpid(-1, &status, 0);
        if (ended < 0 && errno == EINTR) continue;
        if (ended < 0) return;
        if (ended != program) continue;
        if (WIFSIGNALED(status)) {
            say(PROGRAM " was ended by signal %d", WTERMSIG(status));
        } else {
            say(PROGRAM " ended with %d", WEXITSTATUS(status));
        }
        return;
    }
}

int main(void) {
    if (getpid() != 1) {
        say("this is the first process of an enclave image, and does nothing elsewhere");
        return 2;
    }
    mount_file_systems();
    open_console();
    load_modules();
    bring_up_loopback();
    seed_pool();
    send_heartbeat();
    raise_descriptors();
    protect_files();
    const pid_t program = start_program();
    if (program > 0) wait_for_program(program);
    // Not the program again: its configuration is measured into a register that is locked until the next boot. For the
    // hypervisor a restart is the end of the enclave, and the host starts another.
    sync();
    reboot(RB_AUTOBOOT);
    return 1;
}
