/* Fuzzes the digest and the folder: a name, arguments and variables, each ended by a NUL, and standard input behind an
 * empty one. The reading of standard input itself is fuzzed too, from a file in memory. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../folder.h"
#include "../question.h"
#include "../stdin.h"

enum { MOST = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes texts up to an empty one. */
static void take_texts(struct slice *rest, char **texts) {
    size_t count = 0;
    while (rest->length > 0 && count < MOST && memchr(rest->start, '\0', rest->length) != NULL) {
        struct slice text = take_until(rest, '\0');
        if (text.length == 0) {
            break;
        }
        texts[count++] = strndup(text.start, text.length);
    }
    texts[count] = NULL;
}

static void free_texts(char **texts) {
    for (; *texts != NULL; texts++) {
        free(*texts);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const NAMES[] = {"git-credential-keywright", "docker-credential-keywright",
                                        "kube-credential-keywright", "keywright"};
    static char buffer[STDIN_ROOM];
    if (size == 0) {
        return 0;
    }
    char *args[MOST + 1], *env[MOST + 1];
    struct slice rest = {(const char *)data + 1, size - 1};
    take_texts(&rest, args);
    take_texts(&rest, env);
    struct question question = {NAMES[data[0] % 4], args, env, false, {"", 0}};
    int file = memfd_create("request", 0);
    if (file < 0 || write(file, rest.start, rest.length) < 0 || lseek(file, 0, SEEK_SET) < 0 || dup2(file, 0) < 0) {
        abort();
    }
    close(file);
    read_stdin(&question, buffer);
    if (question.is_stdin_read && compare(question.stdin_bytes, rest) != 0 && rest.length <= STDIN_READ) {
        abort(); /* a whole request in one read is read whole */
    }
    char digest[DIGEST_LENGTH + 1];
    struct words cache;
    if (digest_of(&question, digest) && strlen(digest) != DIGEST_LENGTH) {
        abort();
    }
    if (cache_folder(env, &cache) && strlen(cache.text) != cache.length) {
        abort();
    }
    free_texts(args);
    free_texts(env);
    return 0;
}
