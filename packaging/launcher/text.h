/* Text in pieces: slices of what was read, and short strings that are put together within a bound. */
#ifndef KEYWRIGHT_TEXT_H
#define KEYWRIGHT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Some bytes of a longer text; not ended by a NUL, and free to hold one. */
struct slice {
    const char *start;
    size_t length;
};

/* A string that is put together, always ended by a NUL; what does not fit is left out and remembered. */
struct words {
    size_t length;
    bool is_cut;
    char text[4096 + 256]; /* a path as long as the system takes, and some more */
};

struct slice slice_of(const char *text);
bool equals(struct slice slice, const char *text);
bool starts_with(struct slice slice, const char *prefix);

/* Returns -1, 0 or 1: by bytes, and where one is the other's beginning the shorter is less. */
int compare(struct slice one, struct slice other);

/* Returns what lies before the first separator and leaves in `rest` what lies after it; all and nothing if there is
 * none. It is Python's `partition`. */
struct slice take_until(struct slice *rest, char separator);

void begin(struct words *words);
void add(struct words *words, struct slice slice);
void add_text(struct words *words, const char *text);
void add_number(struct words *words, uint64_t number);

#endif
