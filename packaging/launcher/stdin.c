#include "stdin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool sends_a_request(const struct question *question) {
    const char *verb = "";
    for (char *const *arg = question->args; *arg != NULL; arg++) {
        verb = *arg;
    }
    struct slice name = slice_of(question->name);
    return (starts_with(name, "git") || starts_with(name, "docker")) &&
           (strcmp(verb, "get") == 0 || strcmp(verb, "store") == 0 || strcmp(verb, "erase") == 0);
}

void read_stdin(struct question *question, char *buffer) {
    if (!sends_a_request(question)) {
        return;
    }
    bool is_git = starts_with(slice_of(question->name), "git");
    size_t length = 0;
    while (length <= STDIN_LIMIT) {
        ssize_t got = read(0, buffer + length, STDIN_READ);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) { /* half of a question is another question: wait for the rest */
            int flags = fcntl(0, F_GETFL);
            if (flags >= 0 && fcntl(0, F_SETFL, flags & ~O_NONBLOCK) == 0) {
                continue;
            }
        }
        if (got <= 0) {
            break;
        }
        size_t from = length > 0 ? length - 1 : 0; /* a blank line may lie across two reads */
        length += (size_t)got;
        if (is_git && (buffer[0] == '\n' || memmem(buffer + from, length - from, "\n\n", 2) != NULL)) {
            break;
        }
    }
    question->is_stdin_read = true;
    question->stdin_bytes = (struct slice){buffer, length};
}

static bool write_all(int fd, struct slice rest) {
    while (rest.length > 0) {
        ssize_t written = write(fd, rest.start, rest.length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        rest.start += written;
        rest.length -= (size_t)written;
    }
    return true;
}

/* Returns a file in memory that holds the bytes, or -1 where there are no such files. A file on disk would do for any
 * system, but a request may carry a password. */
static int open_in_memory(struct slice bytes) {
#ifdef __linux__
    int fd = memfd_create("keywright-stdin", 0);
    if (fd < 0 || (write_all(fd, bytes) && lseek(fd, 0, SEEK_SET) == 0)) {
        return fd;
    }
    close(fd);
#else
    (void)bytes;
#endif
    return -1;
}

/* Returns the end of a pipe that a child fills, or -1: of any length, and never on disk. */
static int open_pipe(struct slice bytes) {
    int ends[2];
    if (pipe(ends) < 0) {
        return -1;
    }
    pid_t child = fork();
    if (child == 0) {
        for (int fd = 0; fd <= 2; fd++) {
            if (fd != ends[1]) {
                close(fd); /* the client waits for the end of these */
            }
        }
        if (ends[0] > 2) {
            close(ends[0]);
        }
        _exit(write_all(ends[1], bytes) ? 0 : 1);
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return -1;
    }
    return ends[0];
}

bool hand_on_stdin(struct slice stdin_bytes) {
    int fd = open_in_memory(stdin_bytes);
    if (fd < 0) {
        fd = open_pipe(stdin_bytes);
    }
    if (fd <= 0) {
        return fd == 0; /* it took the place of one that was closed */
    }
    bool is_in_place = dup2(fd, 0) == 0;
    close(fd);
    return is_in_place;
}
