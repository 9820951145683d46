#define _GNU_SOURCE
#include "kb_loader.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

struct visitor {
    void (*visit)(const char *name, void *context);
    void *context;
};

static int visit_object(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size;
    const struct visitor *visitor = data;
    visitor->visit(info->dlpi_name ? info->dlpi_name : "", visitor->context);
    return 0;
}

void kb_each_loaded_object(void (*visit)(const char *name, void *context), void *context) {
    struct visitor visitor = {visit, context};
    dl_iterate_phdr(visit_object, &visitor);
}

static int spawn_listing(const char *interpreter, const char *program, int output, pid_t *child) {
    char *const arguments[] = {(char *)interpreter, "--list", (char *)program, NULL};
    char *const environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) return error;
    error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (error == 0) error = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (error == 0) error = posix_spawn(child, interpreter, &actions, NULL, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int read_all(int input, char *output, size_t *length) {
    const size_t capacity = *length;
    size_t filled = 0;
    for (;;) {
        char excess;
        const int is_full = filled == capacity;
        const ssize_t count = read(input, is_full ? &excess : output + filled, is_full ? 1 : capacity - filled);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno;
        if (count == 0) break;
        if (is_full) return EFBIG;
        filled += (size_t)count;
    }
    *length = filled;
    return 0;
}

int kb_list_shared_objects(const char *interpreter, const char *program, char *output, size_t *length) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
    pid_t child;
    int error = spawn_listing(interpreter, program, ends[1], &child);
    close(ends[1]);
    if (error != 0) {
        close(ends[0]);
        return error;
    }
    error = read_all(ends[0], output, length);
    close(ends[0]);
    int status;
    pid_t waited;
    do {
        waited = waitpid(child, &status, 0);
    } while (waited < 0 && errno == EINTR);
    if (error != 0) return error;
    if (waited < 0) return errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : ENOEXEC;
}
