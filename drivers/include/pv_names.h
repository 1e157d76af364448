/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pv_names - a set of virtio feature bits as text, for the line at probe: PURE
 */
#ifndef PV_NAMES_H
#define PV_NAMES_H

#include "pv_types.h"
#include "pv_features.h"

/* Room for every name of one device type and of the ring, with spaces. */
#define PV_NAMES_BYTES 512

/**
 * struct pv_feature_name - one row of a table expanded from pv_features.h
 * @bit: feature bit number
 * @name: its name in the specification, without prefix
 */
struct pv_feature_name {
	unsigned int bit;
	const char *name;
};

#define PV_FEATURE_NAME(bit, name) { bit, #name },

/**
 * pv_names_format() - write the names of all set bits, separated by spaces
 * @buf: receives the text, always terminated; a text too long is cut
 * @bytes: size of @buf, at least 1
 * @features: the feature bits
 * @table: names known for this device type
 * @rows: length of @table
 *
 * Bits without a name are left out.
 */
static inline void pv_names_format(char *buf, size_t bytes, u64 features,
				   const struct pv_feature_name *table,
				   size_t rows)
{
	size_t used = 0;
	size_t i;

	buf[0] = '\0';
	for (i = 0; i < rows; i++)
		if (features >> table[i].bit & 1)
			used += scnprintf(buf + used, bytes - used, "%s%s",
					  used ? " " : "", table[i].name);
}

#endif /* PV_NAMES_H */
