// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_interop - docs/interop.md says what the daemon offers, bit by bit
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT TOP "/docs/interop.md"
#define RING_BITS (~0ull << 24)

/** struct said - bits in the rows of one table: all, and those with "yes" */
struct said {
	u64 rows;
	u64 disk;
	u64 nic;
};

/* "| name | bit | yes | no |..."; false for any other line. */
static bool row_parse(const char *line, unsigned int *bit, bool *disk,
		      bool *nic)
{
	char d[8], n[8];

	if (sscanf(line, "| %*[^|] | %u | %7[a-z] | %7[a-z]", bit, d, n) != 3)
		return false;
	*disk = !strcmp(d, "yes");
	*nic = !strcmp(n, "yes");
	return *bit < 64 && (*disk || !strcmp(d, "no")) &&
	       (*nic || !strcmp(n, "no"));
}

static struct said table_read(const char *heading)
{
	FILE *file = fopen(DOCUMENT, "re");
	struct said said = { 0 };
	bool inside = false;
	char line[512];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		bool disk, nic;
		unsigned int bit;

		if (line[0] == '#')
			inside = !strncmp(line, heading, strlen(heading));
		if (!inside || !row_parse(line, &bit, &disk, &nic))
			continue;
		said.rows |= BIT_ULL(bit);
		said.disk |= (u64)disk << bit;
		said.nic |= (u64)nic << bit;
	}
	fclose(file);
	return said;
}

static void compare(const char *what, u64 says, u64 offers)
{
	unsigned int bit;

	for (bit = 0; bit < 64; bit++)
		if ((says ^ offers) & BIT_ULL(bit))
			fail_msg("%s bit %u: " DOCUMENT " says %s, the daemon %s it",
				 what, bit, says & BIT_ULL(bit) ? "yes" : "no",
				 offers & BIT_ULL(bit) ? "offers" :
							 "does not offer");
}

static void offers(const char *path, u64 *virtio, u64 *proto)
{
	struct vu_fe fe;

	vu_fe_init(&fe);
	fe_ok(&fe, vu_fe_connect(&fe, path));
	fe_ok(&fe, vu_fe_get_u64(&fe, VU_GET_FEATURES, virtio));
	fe_ok(&fe, vu_fe_get_u64(&fe, VU_GET_PROTOCOL_FEATURES, proto));
	vu_fe_close(&fe);
}

static void document_and_daemon_agree(void **state)
{
	const struct said proto = table_read("## Protocol features");
	const struct said virtio = table_read("## Virtio and vhost features");
	u64 disk[2], nic[2];

	(void)state;
	assert_true(proto.rows && virtio.rows);
	offers(fx.disk, &disk[0], &disk[1]);
	offers(fx.echo, &nic[0], &nic[1]);
	compare("disk: protocol feature", proto.disk, disk[1]);
	compare("NIC: protocol feature", proto.nic, nic[1]);
	compare("disk: feature", virtio.disk, disk[0] & RING_BITS);
	compare("NIC: feature", virtio.nic, nic[0] & RING_BITS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(document_and_daemon_agree,
					  fixture_after),
	};

	return fixture_run("interop", tests, ARRAY_SIZE(tests));
}
