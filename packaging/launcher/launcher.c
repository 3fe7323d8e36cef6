/* The native front of the bundle: answers a known question from a ready answer, or steps aside for Python.
 *
 * A helper runs on every `kubectl`, every `git fetch` and every image pull, and nearly always the answer is already on
 * disk. `helpers/keywright/hit.py` finds it and remains the reference; this program does the same without an
 * interpreter's start:
 *
 *  1. It goes by the name it is called by. Under one that is not in the table it runs Python at once.
 *  2. It reads what this client sends (stdin.c) and digests the question (question.c).
 *  3. It looks for the answer in the cache's folder (folder.c), and trusts one that is whole, ours alone, between its
 *     issue and its expiry (answer.c, clock.c), and of unchanged inputs (stamp.c).
 *  4. It prints the answer, wakes a renewal if one is due (brake.c, renewal.c), and leaves.
 *  5. In every other case, and at the first doubt, it becomes `keywright-python`, which lies beside it: with the same
 *     arguments, the same environment, and every byte of standard input.
 *
 * What it answers, hit.py answers with the same bytes and exit code. What hit.py answers, it answers too, except for
 * these, which our own writer and ordinary callers never make:
 *
 *  - more than 64 KiB of standard input, and more than 64 lines of a git `store` that count;
 *  - more than 128 listed variables, one that is there twice, and one whose name is not ASCII;
 *  - an XDG_CACHE_HOME that ends in a control character or anything beyond ASCII, which may be a blank;
 *  - a number in another form than Python writes one in, or of more than 31 characters;
 *  - an entry or a generation of other characters than letters, digits, - and _, or of more than 128 and 31 of them;
 *  - facts without an empty line at their end;
 *  - an input with a NUL in its path, or with a time beyond the year 2262;
 *  - a path of the cache that is longer than the system takes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "clock.h"
#include "folder.h"
#include "program.h"
#include "question.h"
#include "renewal.h"
#include "stdin.h"

extern char **environ;

static const int CLIENT_HAS_GONE = 141; /* as a shell reports SIGPIPE */

static bool is_name_of_ours(const char *name) {
    static const char *const NAMES[] = {"docker-credential-keywright", "git-credential-keywright", "keywright",
                                        "kube-credential-keywright", NULL};
    for (const char *const *ours = NAMES; *ours != NULL; ours++) {
        if (strcmp(name, *ours) == 0) {
            return true;
        }
    }
    return false;
}

/* Writes all of the body; returns the answer's exit code, or another if the client has gone. */
static int print(const struct answer *answer) {
    struct slice rest = answer->body;
    signal(SIGPIPE, SIG_IGN);
    while (rest.length > 0) {
        ssize_t written = write(1, rest.start, rest.length);
        if (written >= 0) {
            rest.start += written;
            rest.length -= (size_t)written;
        } else if (errno == EAGAIN) { /* the caller's pipe is full: an answer is whole or nothing */
            int flags = fcntl(1, F_GETFL);
            if (flags < 0 || fcntl(1, F_SETFL, flags & ~O_NONBLOCK) < 0) {
                return CLIENT_HAS_GONE;
            }
        } else if (errno != EINTR) {
            return CLIENT_HAS_GONE;
        }
    }
    return answer->exit_code;
}

/* Prints, wakes a renewal if one is due, and ends the process: `_give` of hit.py. */
_Noreturn static void give(const struct question *question, const struct answer *answer, const char *cache,
                           const char *digest, double now) {
    int code = print(answer);
    if (code == 0 && strcmp(answer->entry, "-") != 0) {
        bool is_due = answer->is_stale;
        if (starts_with(slice_of(question->name), "kube")) {
            is_due = note_asker(cache, digest, answer, now) || is_due;
        }
        struct words program;
        if (is_due && python_program(&program)) {
            close(1); /* nobody waits for what comes now */
            wake(cache, program.text, question, answer, now);
        }
    }
    _exit(code);
}

int main(int argc, char **argv) {
    static char request[STDIN_ROOM], content[ANSWER_ROOM];
    signal(SIGXFSZ, SIG_IGN); /* under `ulimit -f` a write fails, as it does in Python, and ends nothing */
    const char *path = argc > 0 ? argv[0] : "", *slash = strrchr(path, '/');
    struct question question = {.name = slash == NULL ? path : slash + 1,
                                .args = argv + (argc > 0),
                                .env = environ,
                                .stdin_bytes = {"", 0}};
    if (is_name_of_ours(question.name)) {
        char digest[DIGEST_LENGTH + 1];
        struct words cache;
        read_stdin(&question, request);
        if (!is_traced(&question) && digest_of(&question, digest) && cache_folder(environ, &cache)) {
            struct answer answer;
            double now = wall_clock();
            if (find(cache.text, digest, now, content, &answer)) {
                give(&question, &answer, cache.text, digest, now);
            }
        }
    }
    return become_python(&question, argv);
}
