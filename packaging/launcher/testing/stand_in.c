/* A stand-in for the Python program: writes down how it was run, into the folder `runs` beside it, and leaves.
 *
 * One file per run, by its process's number; one fact per line, texts in hexadecimal. */
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static void put(FILE *file, const char *fact, const char *bytes, size_t length) {
    fprintf(file, "%s ", fact);
    for (size_t i = 0; i < length; i++) {
        fprintf(file, "%02x", (unsigned)(unsigned char)bytes[i]);
    }
    fputc('\n', file);
}

static void put_text(FILE *file, const char *fact, const char *text) {
    put(file, fact, text, strlen(text));
}

/* Every descriptor that was inherited, with what it leads to. */
static void put_descriptors(FILE *file, int own) {
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *listed; folder != NULL && (listed = readdir(folder)) != NULL;) {
        int fd = atoi(listed->d_name);
        char path[64], target[PATH_MAX + 1];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, target, PATH_MAX);
        if (listed->d_name[0] == '.' || fd == own || fd == dirfd(folder) || length < 0) {
            continue;
        }
        snprintf(path, sizeof path, "fd %d", fd);
        put(file, path, target, (size_t)length);
    }
}

int main(int argc, char **argv) {
    static char request[1 << 22];
    char self[PATH_MAX + 1], path[PATH_MAX + 64], done[PATH_MAX + 32];
    ssize_t length = readlink("/proc/self/exe", self, PATH_MAX);
    if (length < 0) {
        return 70;
    }
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    snprintf(done, sizeof done, "%s/runs/%d", self, (int)getpid());
    snprintf(path, sizeof path, "%s.new", done);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return 71;
    }
    put_descriptors(file, fileno(file));
    size_t got = 0;
    for (ssize_t more; (more = read(0, request + got, sizeof request - got)) > 0; got += (size_t)more) {
    }
    put(file, "stdin", request, got);
    for (int i = 0; i < argc; i++) {
        put_text(file, "argument", argv[i]);
    }
    for (char **variable = environ; *variable != NULL; variable++) {
        put_text(file, "variable", *variable);
    }
    put_text(file, "folder", getcwd(path, sizeof path) == NULL ? "" : path);
    fprintf(file, "session %d\n", getsid(0) == getpid());
    struct sigaction pipe_action;
    sigaction(SIGPIPE, NULL, &pipe_action);
    fprintf(file, "ignores-sigpipe %d\n", pipe_action.sa_handler == SIG_IGN);
    fclose(file);
    snprintf(path, sizeof path, "%s.new", done);
    return rename(path, done) == 0 ? 7 : 72;
}
