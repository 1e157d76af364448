/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fixture - what the tests of a running daemon share
 *
 * One daemon for a test program, with several devices.  One of them, the
 * witness, stays connected and works all the time: fixture_after(), which runs
 * after every test, has it write and read back, and checks that the daemon is
 * alive and that no descriptor, thread or mapping was left behind.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon.h"
#include "drv_blk.h"

#define DISK_SIZE   (64ull << 20)
#define DISK_QUEUES 4u
#define DISK_SERIAL "pvtest-serial"
#define NULL_SIZE   (1ull << 42)

#define DISK_BUF  (4u << 20)
#define DISKS_MAX 16

struct disk;

/**
 * struct fixture - the daemon and its devices
 * @daemon:	process
 * @disk:	socket of a disk of DISK_SIZE with DISK_QUEUES queues
 * @ro:		of a read-only one
 * @null:	of a null store
 * @echo:	of a NIC whose port sends everything back
 * @control:	the control socket
 * @witness:	device that must not notice anything
 * @fds:	descriptors of the daemon with nobody but the witness connected
 * @threads:	likewise
 * @open:	connections of the running test
 */
struct fixture {
	struct daemon daemon;
	char disk[108];
	char ro[108];
	char null[108];
	char echo[108];
	char image[108];
	char control[108];
	struct drv_dev witness;
	struct drv_blk_req witness_req;
	u64 witness_buf;
	u64 witness_seq;
	int fds;
	int threads;
	struct disk *open[DISKS_MAX];
};

extern struct fixture fx;

/**
 * fixture_run() - start the daemon, run tests, stop it
 *
 * $PVTEST_FILTER picks tests by name (cmocka's pattern with * and ?),
 * $PVTEST_ENGINE is the daemon's io-engine.
 *
 * Return: exit status for main().
 */
int fixture_run(const char *name, const struct CMUnitTest *tests, size_t count);

/** fixture_setup(), fixture_teardown() - start and stop, as group fixtures */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/**
 * fixture_after() - teardown of every test
 *
 * Ends the program where the daemon is gone, stuck or leaks: what comes
 * afterwards would show nothing new.
 */
int fixture_after(void **state);

/** fixture_seed() - of random tests: $PVTEST_SEED, or always the same */
unsigned int fixture_seed(void);

/** fixture_restart() - after daemon_stop(): the same again; 0 or -1 */
int fixture_restart(void);

/** fixture_settled() - has the daemon let go of all that was given? */
bool fixture_settled(void);

/**
 * struct disk - a connection to a disk for one test
 * @dev:	device
 * @req:	a request
 * @buf:	gpa of DISK_BUF bytes of RAM
 */
struct disk {
	struct drv_dev dev;
	struct drv_blk_req req;
	u64 buf;
};


/**
 * disk_open() - connect and start, or fail the test; @conf may be NULL
 *
 * fixture_after() closes what a test, in particular a failed one, left open.
 */
struct disk *disk_open(const char *path, const struct drv_dev_conf *conf);

/** disk_connect() - the same up to the point where a driver would start */
struct disk *disk_connect(const char *path, const struct drv_dev_conf *conf);

/** disk_start() - go on from there */
void disk_start(struct disk *disk);

void disk_close(struct disk *disk);

/** disk_io() - read or write @len bytes at @gpa; virtio status or -errno */
int disk_io(struct disk *disk, unsigned int queue, u32 type, u64 sector,
	    u64 gpa, u32 len);

/** disk_range() - discard or write-zeroes; virtio status or -errno */
int disk_range(struct disk *disk, u32 type, u64 sector, u32 num, u32 flags);

/** disk_fill() - a pattern that depends on @seed into RAM */
void disk_fill(struct disk *disk, u64 gpa, u32 len, u32 seed);

/** disk_expect() - fail the test unless RAM holds that pattern */
void disk_expect(struct disk *disk, u64 gpa, u32 len, u32 seed);

/** disk_expect_byte() - fail the test unless RAM holds only @byte */
void disk_expect_byte(struct disk *disk, u64 gpa, u32 len, u8 byte);

/**
 * disk_works() - write, read back and compare on every queue
 */
void disk_works(struct disk *disk);

/** fe_ok() - a front end's call must succeed; its text is in the failure */
#define fe_ok(fe, call)                                                  \
	do {                                                             \
		int _err = (call);                                       \
		if (_err)                                                \
			fail_msg("%s: %d: %s", #call, _err, (fe)->err); \
	} while (0)

#endif /* FIXTURE_H */
