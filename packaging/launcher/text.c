#include "text.h"

#include <string.h>

struct slice slice_of(const char *text) {
    return (struct slice){text, strlen(text)};
}

bool equals(struct slice slice, const char *text) {
    return slice.length == strlen(text) && memcmp(slice.start, text, slice.length) == 0;
}

bool starts_with(struct slice slice, const char *prefix) {
    size_t length = strlen(prefix);
    return slice.length >= length && memcmp(slice.start, prefix, length) == 0;
}

int compare(struct slice one, struct slice other) {
    size_t shared = one.length < other.length ? one.length : other.length;
    int order = memcmp(one.start, other.start, shared);
    if (order != 0) {
        return order < 0 ? -1 : 1;
    }
    return (one.length > other.length) - (one.length < other.length);
}

struct slice take_until(struct slice *rest, char separator) {
    struct slice before = *rest;
    const char *found = rest->length ? memchr(rest->start, separator, rest->length) : NULL;
    if (found == NULL) {
        *rest = (struct slice){rest->start + rest->length, 0};
        return before;
    }
    before.length = (size_t)(found - rest->start);
    rest->start = found + 1;
    rest->length -= before.length + 1;
    return before;
}

void begin(struct words *words) {
    words->length = 0;
    words->is_cut = false;
    words->text[0] = '\0';
}

void add(struct words *words, struct slice slice) {
    if (words->is_cut || slice.length >= sizeof words->text - words->length) {
        words->is_cut = true;
        return;
    }
    memcpy(words->text + words->length, slice.start, slice.length);
    words->length += slice.length;
    words->text[words->length] = '\0';
}

void add_text(struct words *words, const char *text) {
    add(words, slice_of(text));
}

void add_number(struct words *words, uint64_t number) {
    char digits[20]; /* as many as 2^64 has */
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    add(words, (struct slice){digits + at, sizeof digits - at});
}
