/* The clock, and numbers as our own writer writes them. */
#ifndef KEYWRIGHT_CLOCK_H
#define KEYWRIGHT_CLOCK_H

#include <stdbool.h>

#include "text.h"

/* Returns the wall clock in epoch seconds, with the arithmetic of Python's `time.time()`. */
double wall_clock(void);

/* Reads a number in the form that Python writes a float or an int in; false if it is in any other. */
bool read_number(struct slice text, double *number);

/* Returns whether the wall clock was set back since `mark`, and true where the mark cannot be read:
 * `has_stepped_back` of hit.py. */
bool has_stepped_back(struct slice mark, double now);

#endif
