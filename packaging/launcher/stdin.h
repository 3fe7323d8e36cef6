/* Standard input: what this client sends, and handing it on to the program that takes over. */
#ifndef KEYWRIGHT_STDIN_H
#define KEYWRIGHT_STDIN_H

#include <stdbool.h>

#include "question.h"

enum {
    STDIN_LIMIT = 1 << 20, /* a dialect refuses what is longer */
    STDIN_READ = 65536,    /* what one read asks for */
    STDIN_ROOM = STDIN_LIMIT + STDIN_READ
};

/* Reads into a buffer of STDIN_ROOM bytes: git's request up to a blank line or the end, docker's to the end, others'
 * not at all. It is `read_stdin` of hit.py. */
void read_stdin(struct question *question, char *buffer);

/* Puts what was read, every byte of it, back in place of descriptor 0; false (and errno) if that cannot be done. */
bool hand_on_stdin(struct slice stdin_bytes);

#endif
