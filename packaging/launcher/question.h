/* What a client asks this process, and the digest of it: `question` of hit.py. */
#ifndef KEYWRIGHT_QUESTION_H
#define KEYWRIGHT_QUESTION_H

#include <stdbool.h>

#include "sha256.h"
#include "text.h"

struct question {
    const char *name;         /* the executable's */
    char *const *args;        /* without the executable, ended by NULL */
    char *const *env;         /* ended by NULL */
    bool is_stdin_read;       /* if not, nobody has touched it */
    struct slice stdin_bytes; /* "" if it was not read */
};

/* Whether the way to the answer is to be told: Python answers then, and tells. */
bool is_traced(const struct question *question);

/* Writes the question's digest; false where no answer may be used. */
bool digest_of(const struct question *question, char digest[DIGEST_LENGTH + 1]);

#endif
