/* Ready answers: finding one, and whether it may be used. `find` and `_parse` of hit.py, whose module docstring shows
 * the file. */
#ifndef KEYWRIGHT_ANSWER_H
#define KEYWRIGHT_ANSWER_H

#include <stdbool.h>

#include "text.h"

enum { ANSWER_LIMIT = 1 << 20, ANSWER_ROOM = ANSWER_LIMIT + 1 };

struct answer {
    int exit_code;
    bool is_stale;       /* from `refresh` on: to be renewed, but to be used */
    char entry[129];     /* the cache entry it came from; "-" for "not mine" */
    char generation[32]; /* of that entry */
    struct slice body;   /* what to print; a part of the content */
};

/* Finds the answer to the question with this digest, reads it into a buffer of ANSWER_ROOM bytes, and returns whether
 * it may be used at `now`. */
bool find(const char *cache, const char *digest, double now, char *buffer, struct answer *answer);

/* Returns whether an answer of this content may be used at `now`. */
bool parse(struct slice content, double now, struct answer *answer);

#endif
