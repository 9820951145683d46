// Child processes that get nothing from their parent, and do not outlive it.
#pragma once

#include <sys/types.h>

/// Starts the program `path` with `arguments` (the first is its name, the last is null).
///
/// It gets an empty environment; /dev/null as standard input; this process's standard error as standard output and
/// error; no other descriptor; default signal handling; a process group of its own. The kernel kills it (SIGKILL) when
/// the calling *thread* ends (prctl(2), PR_SET_PDEATHSIG), so that thread has to stay until the child is gone.
///
/// Returns its id; or -1 and why in `error` (an errno), also when the program could not be executed.
pid_t kb_spawn_child(const char *path, char *const arguments[], int *error);

/// Waits until the child has ended and leaves it to be reaped: its id is not given to another process yet.
/// Returns 0, or an errno.
int kb_wait_for_child(pid_t child);

/// Takes the ended child's result: its exit code, or the negated number of the signal that ended it.
int kb_reap_child(pid_t child);
