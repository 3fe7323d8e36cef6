#include "question.h"

#include <string.h>

enum { MOST_VARIABLES = 128, MOST_LINES = 64, STDIN_ANSWERED = 65536 };

static const char TRACE[] = "KEYWRIGHT_TRACE"; /* no part of a question: it changes no answer */
static const char *const VARIABLES[] = {"HOME",           "KUBERNETES_EXEC_INFO", "GIT_TERMINAL_PROMPT",
                                        "XDG_CACHE_HOME", "XDG_CONFIG_HOME",      "XDG_DATA_HOME",
                                        "XDG_STATE_HOME", NULL};
static const char *const PATHS[] = {"HOME",
                                    "KEYWRIGHT_CONFIG",
                                    "KEYWRIGHT_HOME",
                                    "AWS_CONFIG_FILE",
                                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                    "AWS_SHARED_CREDENTIALS_FILE",
                                    "AWS_WEB_IDENTITY_TOKEN_FILE",
                                    "AWS_CA_BUNDLE",
                                    "AWS_DATA_PATH",
                                    "AWS_LOGIN_CACHE_DIRECTORY",
                                    "XDG_CACHE_HOME",
                                    "XDG_CONFIG_HOME",
                                    "XDG_DATA_HOME",
                                    "XDG_STATE_HOME",
                                    NULL};
static const char *const SECRET_LINES[] = {"password=", "credential=", "state[]", "oauth_refresh_token=", "url=", NULL};
static const char *const STORE_LINES[] = {"protocol=", "host=", "path=", "username=", "password=", "credential=", NULL};

static bool is_one_of(struct slice slice, const char *const *texts) {
    for (; *texts != NULL; texts++) {
        if (equals(slice, *texts)) {
            return true;
        }
    }
    return false;
}

static bool starts_with_one_of(struct slice slice, const char *const *prefixes) {
    for (; *prefixes != NULL; prefixes++) {
        if (starts_with(slice, *prefixes)) {
            return true;
        }
    }
    return false;
}

static bool is_git(const struct question *question) {
    return starts_with(slice_of(question->name), "git");
}

/* Inserts a slice into sorted ones. */
static void insert(struct slice *sorted, size_t count, struct slice slice) {
    size_t at = count;
    for (; at > 0 && compare(slice, sorted[at - 1]) < 0; at--) {
        sorted[at] = sorted[at - 1];
    }
    sorted[at] = slice;
}

static bool is_ascii(struct slice slice) {
    for (size_t i = 0; i < slice.length; i++) {
        if ((unsigned char)slice.start[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* Adds the listed variables, in the order of their names; false where they forbid an answer. */
static bool add_environment(struct sha256 *hash, char *const *env) {
    struct slice names[MOST_VARIABLES];
    size_t count = 0;
    for (; *env != NULL; env++) {
        struct slice value = slice_of(*env), name = take_until(&value, '=');
        if (name.start[name.length] != '=' || equals(name, TRACE) ||
            !(is_one_of(name, VARIABLES) || starts_with(name, "AWS_") || starts_with(name, "KEYWRIGHT_"))) {
            continue;
        }
        if (is_one_of(name, PATHS) && value.length > 0 && value.start[0] != '/') {
            return false;
        }
        if (count == MOST_VARIABLES || !is_ascii(name)) {
            return false;
        }
        insert(names, count++, name);
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare(names[i], names[i - 1]) == 0) {
            return false; /* which of the two counts is a matter of taste */
        }
        sha256_add(hash, (struct slice){"", 1});
        sha256_add(hash, slice_of(names[i].start));
    }
    return true;
}

/* Adds a git `store` by its place and its credential alone; false where that takes more lines than there is room for. */
static bool add_stored_lines(struct sha256 *hash, struct slice rest) {
    struct slice lines[MOST_LINES];
    size_t count = 0;
    while (rest.length > 0) {
        struct slice line = take_until(&rest, '\n');
        if (!starts_with_one_of(line, STORE_LINES)) {
            continue;
        }
        if (count == MOST_LINES) {
            return false;
        }
        insert(lines, count++, line);
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare(lines[i], lines[i - 1]) == 0) {
            continue;
        }
        if (i > 0) {
            sha256_add(hash, slice_of("\n"));
        }
        sha256_add(hash, lines[i]);
    }
    return true;
}

/* Adds the lines of any other request, to git without a server's nonces; false if one carries a secret. */
static bool add_lines(struct sha256 *hash, struct slice rest, bool is_gits) {
    bool is_first = true, is_last = false;
    while (!is_last) {
        const char *end = rest.start + rest.length;
        struct slice line = take_until(&rest, '\n');
        is_last = line.start + line.length == end; /* what follows the last separator is a line too, if an empty one */
        if (starts_with_one_of(line, SECRET_LINES)) {
            return false;
        }
        if (is_gits && starts_with(line, "wwwauth[]=")) {
            continue;
        }
        if (!is_first) {
            sha256_add(hash, slice_of("\n"));
        }
        sha256_add(hash, line);
        is_first = false;
    }
    return true;
}

bool is_traced(const struct question *question) {
    for (char *const *env = question->env; *env != NULL; env++) {
        struct slice value = slice_of(*env);
        if (equals(take_until(&value, '='), TRACE) && value.length > 0) {
            return true;
        }
    }
    return false;
}

bool digest_of(const struct question *question, char digest[DIGEST_LENGTH + 1]) {
    if (question->stdin_bytes.length > STDIN_ANSWERED) {
        return false;
    }
    size_t count = 0;
    while (question->args[count] != NULL) {
        count++;
    }
    struct words number;
    begin(&number);
    add_number(&number, count);
    struct sha256 hash;
    sha256_start(&hash);
    sha256_add(&hash, slice_of(question->name));
    sha256_add(&hash, (struct slice){"", 1});
    sha256_add(&hash, slice_of(number.text));
    for (char *const *arg = question->args; *arg != NULL; arg++) {
        sha256_add(&hash, (struct slice){"", 1});
        sha256_add(&hash, slice_of(*arg));
    }
    if (!add_environment(&hash, question->env)) {
        return false;
    }
    sha256_add(&hash, (struct slice){"\0", 2});
    bool is_store = is_git(question) && count == 1 && strcmp(question->args[0], "store") == 0;
    if (is_store ? !add_stored_lines(&hash, question->stdin_bytes)
                 : !add_lines(&hash, question->stdin_bytes, is_git(question))) {
        return false;
    }
    sha256_end(&hash, digest);
    return true;
}
