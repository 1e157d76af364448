/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * suggest - of several names, the one that was probably meant
 *
 * PURE.  Begin with { .word = ... }, try every name, read @found.
 */
#ifndef PV_SUGGEST_H
#define PV_SUGGEST_H

/**
 * struct suggest - a search
 * @word:	what was written
 * @found:	most similar name so far, NULL: none is similar enough
 * @distance:	of @found
 */
struct suggest {
	const char *word;
	const char *found;
	unsigned int distance;
};

/** suggest_try() - is @name more similar than all before, and not the same? */
void suggest_try(struct suggest *s, const char *name);

#endif /* PV_SUGGEST_H */
