/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz - what the fuzz targets share: an input to take bytes from, a check
 *
 * A target turns its input into calls of the code under test, as commands of a
 * few bytes each.  An input that ends early reads as zeroes, so every prefix of
 * an input is one too.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* libFuzzer's entry */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A property that no input may break. */
#define FUZZ_CHECK(cond)                                                  \
	do {                                                              \
		if (!(cond)) {                                            \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, \
				__LINE__, #cond);                         \
			abort();                                          \
		}                                                         \
	} while (0)

/**
 * struct fuzz_input - what is left of an input
 */
struct fuzz_input {
	const u8 *at;
	size_t left;
};

/** fuzz_bytes() - take @len bytes, zeroes where there are no more; bytes taken */
static inline size_t fuzz_bytes(struct fuzz_input *in, void *buf, size_t len)
{
	size_t n = min(len, in->left);

	memset(buf, 0, len);
	if (n)
		memcpy(buf, in->at, n);
	in->at += n;
	in->left -= n;
	return n;
}

static inline u8 fuzz_u8(struct fuzz_input *in)
{
	u8 v;

	fuzz_bytes(in, &v, sizeof(v));
	return v;
}

static inline u16 fuzz_u16(struct fuzz_input *in)
{
	u16 v;

	fuzz_bytes(in, &v, sizeof(v));
	return v;
}

static inline u32 fuzz_u32(struct fuzz_input *in)
{
	u32 v;

	fuzz_bytes(in, &v, sizeof(v));
	return v;
}

static inline u64 fuzz_u64(struct fuzz_input *in)
{
	u64 v;

	fuzz_bytes(in, &v, sizeof(v));
	return v;
}

#endif /* FUZZ_H */
