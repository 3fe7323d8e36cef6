#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const double STEP_S = 5;

double wall_clock(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) < 0) {
        return 0; /* before any answer was issued */
    }
    int64_t ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    return (double)ns / 1e9;
}

static const char *skip_digits(const char *at) {
    while (*at >= '0' && *at <= '9') {
        at++;
    }
    return at;
}

bool read_number(struct slice text, double *number) {
    char digits[32]; /* Python's longest float has 24 characters */
    if (text.length == 0 || text.length >= sizeof digits || memchr(text.start, '\0', text.length) != NULL) {
        return false;
    }
    memcpy(digits, text.start, text.length);
    digits[text.length] = '\0';
    const char *at = digits + (digits[0] == '-'), *part = at;
    at = skip_digits(part);
    if (at == part) {
        return false;
    }
    if (*at == '.') {
        part = at + 1;
        at = skip_digits(part);
        if (at == part) {
            return false;
        }
    }
    if (*at == 'e') {
        part = at + 1 + (at[1] == '+' || at[1] == '-');
        at = skip_digits(part);
        if (at == part) {
            return false;
        }
    }
    *number = strtod(digits, NULL); /* rounds as Python does; nobody has set a locale */
    return *at == '\0';
}

/* Returns the name of this boot, put into `words`, or "-" where nobody knows it. */
static struct slice boot_name(struct words *words) {
#ifdef __linux__
    char text[64];
    int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t length = -1;
    if (file >= 0) {
        do {
            length = read(file, text, sizeof text);
        } while (length < 0 && errno == EINTR);
        close(file);
    }
    if (length >= 0) {
        struct slice rest = {text, (size_t)length};
        add(words, take_until(&rest, '\n'));
        return slice_of(words->text);
    }
#endif
    add_text(words, "-");
    return slice_of(words->text);
}

bool has_stepped_back(struct slice mark, double now) {
    struct slice then_text = mark, boot = take_until(&then_text, ' ');
    struct words words;
    begin(&words);
    struct slice same = boot_name(&words);
    if (compare(boot, same) != 0) {
        return false;
    }
    double then, since = 0;
    if (!read_number(then_text, &then)) {
        return true;
    }
#ifdef CLOCK_BOOTTIME
    struct timespec up;
    if (!equals(same, "-") && clock_gettime(CLOCK_BOOTTIME, &up) == 0) {
        since = now - ((double)up.tv_sec + (double)up.tv_nsec * 1e-9);
    }
#endif
    return since < then - STEP_S;
}
