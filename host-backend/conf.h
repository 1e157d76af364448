/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf - options and INI file to a checked configuration
 *
 * One table (conf_table.c) names every option: its key in the file is its long
 * option on the command line, and usage, man page and completion are printed
 * from it.  conf_args.c reads the command line, conf_file.c the file, both by
 * conf_set.c.  A configuration that conf_load() returns is complete and in
 * bounds; nothing has been opened yet.
 */
#ifndef PV_CONF_H
#define PV_CONF_H

#include "conf_given.h"
#include "throttle.h"
#include "util.h"

/** enum conf_type - what a device section describes */
enum conf_type {
	CONF_BLK,
	CONF_NET,
	CONF_TYPE_MAX
};

/**
 * struct conf_device - one device
 * @type:	blk or net
 * @name:	section's name, or the type for a single device
 * @place:	where the section begins
 * @given:	the options that the user gave; messages go through conf_log()
 * @socket_path: where to listen, or in client mode connect
 * @fd:		instead of @socket_path a descriptor that we were started with, a
 *		listening or a connected socket; 0: none
 * @mode:	"server" or "client", NULL: server
 * @socket_mode: permissions of @socket_path
 * @socket_owner, @socket_group: who gets it, NULL: the daemon's own
 * @num_queues:	blk: queues; net: pairs
 * @queue_size: largest ring accepted, entries
 * @store:	blk: kind of store
 * @blk_file:	blk: path of file or block device (store=file)
 * @nbd_uri:	blk: where the server is (store=nbd)
 * @nbd_timeout: blk: longest a request waits for it, seconds
 * @rbd_image:	blk: "POOL/IMAGE" (store=rbd)
 * @rbd_conf:	blk: the cluster's configuration, NULL: where Ceph looks
 * @rbd_user:	blk: without "client.", NULL: "admin"
 * @size:	blk: bytes (store=null)
 * @serial:	blk: up to 20 bytes (virtio 1.3, 5.2.6.1)
 * @block_size:	blk: logical block size in bytes, 0: the store's own
 * @read_only:	blk
 * @incoming:	blk
 * @limits:	blk: I/Os and bytes a second, by enum throttle_dim
 * @direct:	blk: open with O_DIRECT
 * @tap:	net: interface name
 * @port:	net: kind of port ("tap", "echo")
 * @mac:	net: the MAC told to front ends that ask; all 0: none
 */
struct conf_device {
	enum conf_type type;
	const char *name;
	struct conf_place place;
	struct conf_given *given;
	const char *socket_path;
	unsigned int fd;
	const char *mode;
	unsigned int socket_mode;
	const char *socket_owner;
	const char *socket_group;
	unsigned int num_queues;
	unsigned int queue_size;
	const char *store;
	const char *blk_file;
	const char *nbd_uri;
	unsigned int nbd_timeout;
	const char *rbd_image;
	const char *rbd_conf;
	const char *rbd_user;
	u64 size;
	const char *serial;
	unsigned int block_size;
	bool read_only;
	bool incoming;
	struct throttle_limit limits[THROTTLE_DIMS];
	bool direct;
	const char *tap;
	const char *port;
	u8 mac[6];
};

/**
 * struct conf - the whole daemon
 * @given:	the options of the daemon itself that the user gave
 * @num_workers: data-path threads, 0: as many as there are CPUs, at most the
 *		number of queues
 * @io_engine:	"auto", "io_uring" or "threads"; NULL: auto
 * @poll_max_us: longest adaptive polling window, microseconds; 0: never spin
 * @log_level:	syslog level
 * @stuck_after: seconds after which a request is reported as stuck, 0: never
 * @control:	path of the control socket, NULL: none
 * @sandbox:	lock the process in when it has started
 * @config:	file that describes the devices, NULL: the command line does
 * @upgrade_from: control socket of the daemon that all else comes from, or NULL
 * @check_only:	say whether the configuration is good, and end
 */
struct conf {
	struct conf_device *devices;
	unsigned int num_devices;
	struct conf_given *given;
	unsigned int num_workers;
	const char *io_engine;
	unsigned int poll_max_us;
	int log_level;
	unsigned int stuck_after;
	const char *control;
	bool sandbox;
	const char *config;
	const char *upgrade_from;
	bool check_only;
};

/** conf_is_client() - does the device connect, instead of listening? */
static inline bool conf_is_client(const struct conf_device *dev)
{
	return dev->mode && *dev->mode == 'c';
}

/**
 * conf_load() - parse the command line and the file that it may name
 *
 * The command is argv[1] ("blk", "net", "run"), or the end of the program's own
 * name ("pvbackend-blk", "pvbackend-net").  Prints one line that names option or
 * file:line, value and what would be right, for the first thing that is wrong.
 *
 * Return: 0, -EINVAL, 1 where the command line asked for --help, --version or
 * the like and it has been printed.
 */
int conf_load(struct conf *conf, int argc, char **argv);

/** conf_free() - free what conf_load() allocated */
void conf_free(struct conf *conf);

#endif /* PV_CONF_H */
