#define _GNU_SOURCE
#include "kb_process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// Between fork and exec in a process with threads: async-signal-safe calls only (signal-safety(7)).
static _Noreturn void become(
    const char *path, char *const arguments[], pid_t parent, int null, int report) {
    char *environment[] = {NULL};

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) goto failed;
    // The parent may have ended before that call.
    if (getppid() != parent) _exit(127);
    if (setpgid(0, 0) != 0) goto failed;
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);

    // The report's end first, above what is going to be replaced.
    int kept = fcntl(report, F_DUPFD_CLOEXEC, 10);
    if (kept < 0) goto failed;
    report = kept;
    if (dup2(null, 0) < 0 || dup2(2, 1) < 0) goto failed;
    // close_range(2); by number, for C libraries that do not have it.
    if (syscall(SYS_close_range, 3U, (unsigned)report - 1, 0U) != 0) goto failed;
    if (syscall(SYS_close_range, (unsigned)report + 1, ~0U, 0U) != 0) goto failed;

    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0) goto failed;
    execve(path, arguments, environment);

failed:;
    int code = errno;
    (void)!write(report, &code, sizeof code);
    _exit(127);
}

pid_t kb_spawn_child(const char *path, char *const arguments[], int *error) {
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) {
        *error = errno;
        return -1;
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) {
        *error = errno;
        close(report[0]);
        close(report[1]);
        return -1;
    }
    // No handler of the parent runs in the child before it has its own.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) become(path, arguments, parent, null, report[1]);
    int code = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(null);
    close(report[1]);
    if (child < 0) {
        close(report[0]);
        *error = code;
        return -1;
    }
    // The pipe closes when the program is executed; before that, it brings the reason why it was not.
    ssize_t count;
    do count = read(report[0], &code, sizeof code);
    while (count < 0 && errno == EINTR);
    close(report[0]);
    if (count == (ssize_t)sizeof code) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
        *error = code;
        return -1;
    }
    *error = 0;
    return child;
}

int kb_wait_for_child(pid_t child) {
    siginfo_t info;
    while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) != 0) {
        if (errno != EINTR) return errno;
    }
    return 0;
}

int kb_reap_child(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return 127;
    }
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}
