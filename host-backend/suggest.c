// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * suggest - of several names, the one that was probably meant
 */
#include "suggest.h"

#include <string.h>

#include "util.h"

#define WORD_MAX 32

/* Further away than that it is another word, not a slip. */
#define DISTANCE_MAX 3

/* Insertions, removals and replacements that turn one word into the other. */
static unsigned int distance(const char *a, const char *b)
{
	size_t len_a = strlen(a), len_b = strlen(b);
	unsigned int row[WORD_MAX + 1];
	size_t i, j;

	if (len_a > WORD_MAX || len_b > WORD_MAX)
		return UINT32_MAX;
	for (j = 0; j <= len_b; j++)
		row[j] = (unsigned int)j;
	for (i = 1; i <= len_a; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (j = 1; j <= len_b; j++) {
			unsigned int replace =
				diagonal + (a[i - 1] != b[j - 1]);
			unsigned int edit = 1 + min(row[j], row[j - 1]);

			diagonal = row[j];
			row[j] = min(replace, edit);
		}
	}
	return row[len_b];
}

void suggest_try(struct suggest *s, const char *name)
{
	unsigned int d = distance(s->word, name);

	if (!d || d > DISTANCE_MAX || d >= strlen(s->word))
		return;
	if (s->found && d >= s->distance)
		return;
	s->found = name;
	s->distance = d;
}
