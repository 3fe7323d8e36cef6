#include "renewal.h"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SPAWN_BRAKE_S = 30 };

/* Adds what keeps the caller's descriptors out of the child: a single inherited pipe would keep git, kubectl, or
 * whoever reads their output, waiting until the renewal ends. */
static bool add_actions(posix_spawn_file_actions_t *actions) {
    for (int fd = 0; fd <= 2; fd++) {
        if (posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0) != 0) {
            return false;
        }
    }
    DIR *folder = opendir("/dev/fd");
    if (folder == NULL) {
        return false;
    }
    bool is_complete = true;
    for (struct dirent *listed; is_complete && (listed = readdir(folder)) != NULL;) {
        char *end;
        long fd = strtol(listed->d_name, &end, 10);
        if (*end != '\0' || fd <= 2) {
            continue;
        }
        int flags = fcntl((int)fd, F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0) {
            is_complete = posix_spawn_file_actions_addclose(actions, (int)fd) == 0;
        }
    }
    closedir(folder);
    return is_complete;
}

/* Returns bytes in hexadecimal. */
static char *hex_of(struct slice bytes) {
    char *hex = malloc(2 * bytes.length + 1);
    if (hex == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned char byte = (unsigned char)bytes.start[i];
        hex[2 * i] = "0123456789abcdef"[byte >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[byte & 0xf];
    }
    hex[2 * bytes.length] = '\0';
    return hex;
}

static size_t count_of(char *const *texts) {
    size_t count = 0;
    while (texts[count] != NULL) {
        count++;
    }
    return count;
}

/* Returns the environment with one more variable, and without another of its name. */
static char **with_variable(char *const *env, char *variable) {
    char **all = malloc((count_of(env) + 2) * sizeof *all), **to = all;
    size_t name_length = strcspn(variable, "=") + 1;
    if (all == NULL) {
        return NULL;
    }
    for (; *env != NULL; env++) {
        if (strncmp(*env, variable, name_length) != 0) {
            *to++ = *env;
        }
    }
    *to++ = variable;
    *to = NULL;
    return all;
}

/* Starts the renewal, which gets the entry, its generation, and the question that it then answers anew: the
 * executable's name, stdin in hexadecimal, and the arguments. */
static bool start(const char *program, char *const *command, char *const *env) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t child;
    if (posix_spawn_file_actions_init(&actions) != 0 || posix_spawnattr_init(&attributes) != 0) {
        return false;
    }
    return posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID) == 0 && add_actions(&actions) &&
           chdir("/") == 0 && posix_spawn(&child, program, &actions, &attributes, command, env) == 0;
}

bool wake(const char *cache, const char *program, const struct question *question, const struct answer *answer,
          double now) {
    if (!claim(cache, answer->entry, now, SPAWN_BRAKE_S)) {
        return false;
    }
    /* What is made here is never freed: the process ends next. */
    size_t count = count_of(question->args);
    char *hex = hex_of(question->stdin_bytes);
    char **env = with_variable(question->env, (char[]){"PYINSTALLER_RESET_ENVIRONMENT=1"});
    const char **command = malloc((count + 6) * sizeof *command);
    if (hex == NULL || env == NULL || command == NULL) {
        return false;
    }
    command[0] = "keywright.bin.renew";
    command[1] = answer->entry;
    command[2] = answer->generation;
    command[3] = question->name;
    command[4] = hex;
    memcpy(command + 5, question->args, (count + 1) * sizeof *command);
    return start(program, (char *const *)command, env);
}
