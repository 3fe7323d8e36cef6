/* Fuzzes the reading of an answer: as it is, and with a checksum that is right. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../answer.h"
#include "../sha256.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const char *content, size_t length) {
    struct answer answer;
    if (!parse((struct slice){content, length}, 1700000000.5, &answer)) {
        return;
    }
    /* What is used is within bounds. */
    if (answer.exit_code < 0 || answer.exit_code > 255 || strchr(answer.entry, '/') != NULL || answer.entry[0] == '\0' ||
        answer.generation[0] == '\0' || answer.body.start < content ||
        answer.body.start + answer.body.length != content + length) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char HEAD[] = "keywright-answer 1\nsha256 ";
    judge((const char *)data, size);

    struct sha256 hash;
    char digest[DIGEST_LENGTH + 1];
    sha256_start(&hash);
    sha256_add(&hash, (struct slice){(const char *)data, size});
    sha256_end(&hash, digest);
    size_t head = sizeof HEAD - 1, length = head + DIGEST_LENGTH + 1 + size;
    char *proven = malloc(length);
    if (proven == NULL) {
        return 0;
    }
    memcpy(proven, HEAD, head);
    memcpy(proven + head, digest, DIGEST_LENGTH);
    proven[head + DIGEST_LENGTH] = '\n';
    memcpy(proven + head + DIGEST_LENGTH + 1, data, size);
    judge(proven, length);
    free(proven);
    return 0;
}
