/* SHA-256 (FIPS 180-4). */
#ifndef KEYWRIGHT_SHA256_H
#define KEYWRIGHT_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "text.h"

#define DIGEST_LENGTH 64 /* in hexadecimal */

struct sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far; the last, incomplete block of them waits in `block` */
    unsigned char block[64];
};

void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, struct slice slice);

/* Ends the hash and writes the digest in lower-case hexadecimal, ended by a NUL. */
void sha256_end(struct sha256 *hash, char digest[DIGEST_LENGTH + 1]);

#endif
