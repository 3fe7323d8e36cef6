#include "answer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "sha256.h"
#include "stamp.h"

static const char FORMAT[] = "keywright-answer 1";

/* The facts that decide, each as its last line gives it; `start` is NULL where there is none. */
struct facts {
    struct slice exit, issued, refresh, expires, boot, entry, generation;
};

static void take_fact(struct facts *facts, struct slice fact, struct slice value) {
    const struct {
        const char *name;
        struct slice *value;
    } table[] = {
        {"exit", &facts->exit},       {"issued", &facts->issued}, {"refresh", &facts->refresh},
        {"expires", &facts->expires}, {"boot", &facts->boot},     {"entry", &facts->entry},
        {"generation", &facts->generation},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (equals(fact, table[i].name)) {
            *table[i].value = value;
        }
    }
}

/* Reads the facts; false if an input has changed. */
static bool take_facts(struct slice head, struct facts *facts) {
    while (head.length > 0) {
        struct slice value = take_until(&head, '\n'), fact = take_until(&value, ' ');
        if (!equals(fact, "input")) {
            take_fact(facts, fact, value);
            continue;
        }
        struct slice path = value, seen = take_until(&path, ' ');
        struct words stamp;
        begin(&stamp);
        if (!stamp_of(path, &stamp) || !equals(seen, stamp.text)) {
            return false;
        }
    }
    return true;
}

/* Copies a word of a few harmless characters, none of which leads out of a folder; false if it is anything else. */
static bool copy_word(struct slice word, char *to, size_t room) {
    static const char HARMLESS[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
    if (word.start == NULL || word.length == 0 || word.length >= room) {
        return false;
    }
    memcpy(to, word.start, word.length);
    to[word.length] = '\0';
    return strspn(to, HARMLESS) == word.length;
}

static bool read_exit_code(struct slice text, int *code) {
    *code = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.start[i] < '0' || text.start[i] > '9' || i == 3) {
            return false;
        }
        *code = *code * 10 + (text.start[i] - '0');
    }
    return text.length > 0 && *code < 256;
}

bool parse(struct slice content, double now, struct answer *answer) {
    struct slice rest = content, format = take_until(&rest, '\n'), check = take_until(&rest, '\n');
    struct words expected;
    struct sha256 hash;
    char digest[DIGEST_LENGTH + 1];
    if (!equals(format, FORMAT)) {
        return false;
    }
    sha256_start(&hash);
    sha256_add(&hash, rest);
    sha256_end(&hash, digest);
    begin(&expected);
    add_text(&expected, "sha256 ");
    add_text(&expected, digest);
    const char *empty_line = rest.length > 0 ? memmem(rest.start, rest.length, "\n\n", 2) : NULL;
    if (!equals(check, expected.text) || empty_line == NULL) {
        return false;
    }
    struct slice head = {rest.start, (size_t)(empty_line - rest.start)};
    answer->body = (struct slice){empty_line + 2, rest.length - head.length - 2};

    struct facts facts = {0};
    double issued, refresh, expires;
    if (!take_facts(head, &facts) || !read_number(facts.issued, &issued) || !read_number(facts.refresh, &refresh) ||
        !read_number(facts.expires, &expires)) {
        return false;
    }
    answer->is_stale = now >= refresh;
    return issued <= now && now < expires && read_exit_code(facts.exit, &answer->exit_code) &&
           copy_word(facts.entry, answer->entry, sizeof answer->entry) &&
           copy_word(facts.generation, answer->generation, sizeof answer->generation) && facts.boot.start != NULL &&
           !has_stepped_back(facts.boot, now);
}

/* Opens an answer that nobody else can have written, and returns its size; -1 if it is none. */
static int open_answer(const char *folder, const char *digest, size_t *size) {
    struct stat found;
    int where = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), file = -1;
    if (where < 0) {
        return -1;
    }
    if (fstat(where, &found) == 0 && found.st_uid == geteuid() && (found.st_mode & 077) == 0) {
        file = openat(where, digest, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    }
    close(where);
    if (file < 0) {
        return -1;
    }
    if (fstat(file, &found) < 0 || found.st_mode != (S_IFREG | 0600) || found.st_uid != geteuid() ||
        found.st_nlink != 1 || found.st_size > ANSWER_LIMIT) {
        close(file);
        return -1;
    }
    *size = (size_t)found.st_size;
    return file;
}

bool find(const char *cache, const char *digest, double now, char *buffer, struct answer *answer) {
    struct words folder;
    begin(&folder);
    add_text(&folder, cache);
    add_text(&folder, "/answers");
    size_t size = 0;
    int file = folder.is_cut ? -1 : open_answer(folder.text, digest, &size);
    if (file < 0) {
        return false;
    }
    ssize_t length;
    do {
        length = read(file, buffer, size + 1); /* one more: a file that grows meanwhile is not whole */
    } while (length < 0 && errno == EINTR);
    close(file);
    return length > 0 && parse((struct slice){buffer, (size_t)length}, now, answer);
}
