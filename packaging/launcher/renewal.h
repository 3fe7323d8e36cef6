/* Waking a renewal: `note_asker`, `claim` and `wake` of hit.py, with the same notes, brakes and locks on disk. */
#ifndef KEYWRIGHT_RENEWAL_H
#define KEYWRIGHT_RENEWAL_H

#include <stdbool.h>

#include "answer.h"
#include "question.h"

/* Remembers which process asked; returns whether it asked the same a moment ago and got this same credential. True at
 * most once a minute for each entry. */
bool note_asker(const char *cache, const char *digest, const struct answer *answer, double now);

/* Takes the brake `renew/NAME` for so long; false if somebody holds it. Its mtime says until when. */
bool claim(const char *cache, const char *name, double now, int seconds);

/* Starts one detached renewal of the entry that this answer came from, with nothing of the caller's left open in it;
 * returns whether it was started. `program` is the Python program; from here on the current folder is "/". */
bool wake(const char *cache, const char *program, const struct question *question, const struct answer *answer,
          double now);

#endif
