/* A testing entry to the launcher's parts: many cases in one process. Not a part of what is shipped.
 *
 * A case is a number of fields, each framed by its length; so is the number itself, and the one field of the reply. A
 * length has four bytes, least first. The first field names the part:
 *
 *   question NAME STDIN COUNT ARGUMENT… VARIABLE…   → DIGEST CACHE, or nothing
 *   find CACHE DIGEST NOW                           → EXIT-CODE IS-STALE ENTRY GENERATION, a line feed, the body; or nothing
 *   parse CONTENT NOW                               → the same
 *   claim CACHE NAME NOW SECONDS                    → 1 or 0
 *   number TEXT                                     → the double's bytes, or nothing
 *   stamp PATH                                      → the stamp, or nothing */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../answer.h"
#include "../clock.h"
#include "../folder.h"
#include "../question.h"
#include "../renewal.h"
#include "../stamp.h"

static bool take_length(size_t *length) {
    unsigned char bytes[4];
    if (fread(bytes, 1, sizeof bytes, stdin) != sizeof bytes) {
        return false;
    }
    *length = (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 24;
    return true;
}

static void *must(void *made) {
    if (made == NULL) {
        abort();
    }
    return made;
}

static void reply(struct slice first, struct slice second) {
    size_t length = first.length + second.length;
    for (unsigned shift = 0; shift < 32; shift += 8) {
        putchar((int)(length >> shift & 0xff));
    }
    fwrite(first.start, 1, first.length, stdout);
    fwrite(second.start, 1, second.length, stdout);
    fflush(stdout);
}

static void reply_text(const char *text) {
    reply(slice_of(text), slice_of(""));
}

static void reply_answer(bool is_usable, const struct answer *answer) {
    char line[256];
    if (!is_usable) {
        reply_text("");
        return;
    }
    snprintf(line, sizeof line, "%d %d %s %s\n", answer->exit_code, answer->is_stale, answer->entry,
             answer->generation);
    reply(slice_of(line), answer->body);
}

static void ask(char **fields, struct slice stdin_bytes, size_t count) {
    size_t args = strtoul(fields[3], NULL, 10);
    char **all = must(calloc(count + 2, sizeof *all));
    memcpy(all, fields + 4, args * sizeof *all);
    memcpy(all + args + 1, fields + 4 + args, (count - 4 - args) * sizeof *all);
    struct question question = {fields[1], all, all + args + 1, true, stdin_bytes};
    char digest[DIGEST_LENGTH + 1];
    struct words cache;
    if (digest_of(&question, digest) && cache_folder(question.env, &cache)) {
        struct words found;
        begin(&found);
        add_text(&found, digest);
        add_text(&found, " ");
        reply(slice_of(found.text), slice_of(cache.text));
    } else {
        reply_text("");
    }
    free(all);
}

static void answer_case(char **fields, const size_t *lengths, size_t count) {
    static char buffer[ANSWER_ROOM];
    struct answer answer;
    if (strcmp(fields[0], "question") == 0) {
        ask(fields, (struct slice){fields[2], lengths[2]}, count);
    } else if (strcmp(fields[0], "find") == 0) {
        reply_answer(find(fields[1], fields[2], strtod(fields[3], NULL), buffer, &answer), &answer);
    } else if (strcmp(fields[0], "parse") == 0) {
        char *exact = must(malloc(lengths[1] + (lengths[1] == 0))); /* what is read beyond it is seen */
        memcpy(exact, fields[1], lengths[1]);
        bool is_usable = parse((struct slice){exact, lengths[1]}, strtod(fields[2], NULL), &answer);
        reply_answer(is_usable, &answer);
        free(exact);
    } else if (strcmp(fields[0], "claim") == 0) {
        reply_text(claim(fields[1], fields[2], strtod(fields[3], NULL), atoi(fields[4])) ? "1" : "0");
    } else if (strcmp(fields[0], "number") == 0) {
        double number;
        bool is_one = read_number((struct slice){fields[1], lengths[1]}, &number);
        reply((struct slice){(char *)&number, is_one ? sizeof number : 0}, slice_of(""));
    } else if (strcmp(fields[0], "stamp") == 0) {
        struct words stamp;
        begin(&stamp);
        reply_text(stamp_of((struct slice){fields[1], lengths[1]}, &stamp) ? stamp.text : "");
    } else {
        abort();
    }
}

int main(void) {
    size_t count;
    while (take_length(&count)) {
        char **fields = must(calloc(count + 1, sizeof *fields));
        size_t *lengths = must(calloc(count + 1, sizeof *lengths));
        for (size_t i = 0; i < count; i++) {
            if (!take_length(&lengths[i])) {
                abort();
            }
            fields[i] = must(calloc(lengths[i] + 1, 1));
            if (fread(fields[i], 1, lengths[i], stdin) != lengths[i]) {
                abort();
            }
        }
        answer_case(fields, lengths, count);
        for (size_t i = 0; i < count; i++) {
            free(fields[i]);
        }
        free(fields);
        free(lengths);
    }
    return 0;
}
