#include "program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stdin.h"

#ifdef __APPLE__
#include <mach-o/dyld.h>
#include <limits.h>
static const char NO_FOLDER_MEND[] = "install keywright in a shorter path";
#else
static const char NO_FOLDER_MEND[] = "mount /proc";
#endif

static const int CANNOT_RUN = 126; /* as a shell reports a program that cannot be run */

bool python_program(struct words *program) {
    char self[4096];
#ifdef __APPLE__
    char called[4096], resolved[PATH_MAX];
    uint32_t room = sizeof called;
    if (_NSGetExecutablePath(called, &room) != 0 || realpath(called, resolved) == NULL) {
        return false;
    }
    size_t length = strlen(resolved);
    memcpy(self, resolved, length < sizeof self ? length : sizeof self);
#else
    ssize_t got = readlink("/proc/self/exe", self, sizeof self);
    if (got < 0) {
        return false;
    }
    size_t length = (size_t)got;
#endif
    if (length >= sizeof self) {
        return false;
    }
    while (length > 0 && self[length - 1] != '/') {
        length--;
    }
    begin(program);
    add(program, (struct slice){self, length});
    add_text(program, "keywright-python");
    return !program->is_cut;
}

/* Tells in one line why nothing can be answered, and what mends that. */
static void tell(const char *program, const char *problem, const char *mend) {
    struct words line;
    begin(&line);
    add_text(&line, "keywright: cannot run ");
    add_text(&line, program);
    add_text(&line, ": ");
    add_text(&line, problem);
    add_text(&line, "; ");
    add_text(&line, mend);
    add_text(&line, "\n");
    if (write(2, line.text, line.length) < 0) {
        return; /* nobody listens */
    }
}

int become_python(const struct question *question, char *const *argv) {
    struct words program;
    if (!python_program(&program)) {
        tell("keywright-python", "its folder is not known", NO_FOLDER_MEND);
    } else if (question->is_stdin_read && !hand_on_stdin(question->stdin_bytes)) {
        tell(program.text, "its standard input cannot be handed on", "free memory or descriptors");
    } else {
        execv(program.text, argv);
        int problem = errno;
        if (problem == ENOENT && access(program.text, F_OK) == 0) { /* as on Alpine, whose C library is another */
            tell(program.text, "this system lacks its loader, which is glibc's",
                 "install keywright from its source, with pipx");
        } else {
            tell(program.text, strerror(problem), "install keywright anew");
        }
    }
    return CANNOT_RUN;
}
