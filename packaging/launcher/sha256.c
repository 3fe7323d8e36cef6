#include "sha256.h"

#include <string.h>

/* FIPS 180-4, 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t word, unsigned bits) {
    return word >> bits | word << (32 - bits);
}

/* FIPS 180-4, 6.2.2. */
static void take_block(struct sha256 *hash, const unsigned char *block) {
    uint32_t w[64];
    for (size_t t = 0; t < 16; t++) {
        const unsigned char *b = block + 4 * t;
        w[t] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
    }
    for (size_t t = 16; t < 64; t++) {
        uint32_t s0 = turn(w[t - 15], 7) ^ turn(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = turn(w[t - 2], 17) ^ turn(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
    uint32_t v[8]; /* a … h */
    memcpy(v, hash->state, sizeof v);
    for (size_t t = 0; t < 64; t++) {
        uint32_t s1 = turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25);
        uint32_t s0 = turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22);
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        uint32_t t1 = v[7] + s1 + choice + K[t] + w[t];
        memmove(v + 1, v, 7 * sizeof v[0]);
        v[4] += t1;
        v[0] = t1 + s0 + majority;
    }
    for (size_t i = 0; i < 8; i++) {
        hash->state[i] += v[i];
    }
}

void sha256_start(struct sha256 *hash) {
    /* 5.3.3: the same of the square roots of the first eight. */
    static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(hash->state, START, sizeof START);
    hash->length = 0;
}

void sha256_add(struct sha256 *hash, struct slice slice) {
    const unsigned char *from = (const unsigned char *)slice.start;
    size_t left = slice.length, waiting = (size_t)(hash->length % 64);
    hash->length += left;
    while (left > 0) {
        if (waiting == 0 && left >= 64) {
            take_block(hash, from);
            from += 64;
            left -= 64;
            continue;
        }
        size_t taken = left < 64 - waiting ? left : 64 - waiting;
        memcpy(hash->block + waiting, from, taken);
        from += taken;
        left -= taken;
        waiting += taken;
        if (waiting == 64) {
            take_block(hash, hash->block);
            waiting = 0;
        }
    }
}

void sha256_end(struct sha256 *hash, char digest[DIGEST_LENGTH + 1]) {
    /* 5.1.1: one bit, zeros, and the length in bits in the last eight bytes of a block. */
    static const char PADDING[64] = {(char)0x80};
    uint64_t bits = hash->length * 8;
    size_t waiting = (size_t)(hash->length % 64);
    sha256_add(hash, (struct slice){PADDING, (waiting < 56 ? 56 : 120) - waiting});
    char length[8];
    for (size_t i = 0; i < 8; i++) {
        length[i] = (char)(bits >> (56 - 8 * i) & 0xff);
    }
    sha256_add(hash, (struct slice){length, sizeof length});
    for (size_t i = 0; i < DIGEST_LENGTH; i++) {
        digest[i] = "0123456789abcdef"[hash->state[i / 8] >> (28 - 4 * (i % 8)) & 0xf];
    }
    digest[DIGEST_LENGTH] = '\0';
}
