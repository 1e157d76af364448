// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pvfe_idle - front ends that are connected and do nothing
 *
 * For what a device costs that nobody uses: connects to --count disks, has each
 * read one block, says "ready", and holds them until its standard input ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drv_blk.h"
#include "pvfe_opts.h"

/* Each device's RAM: its ring, and one request. */
#define RAM   (1u << 20)
#define BLOCK 4096u

struct idle_conf {
	const char *sockets;
	u64 count;
};

static struct idle_conf conf = { .count = 1 };

static const struct opt opts[] = {
	{ .name = "sockets", .kind = OPT_STRING, .value = &conf.sockets,
	  .help = "vhost-user sockets, each @ in the name standing for a number from 0" },
	{ .name = "count", .kind = OPT_NUMBER, .value = &conf.count,
	  .help = "how many of them" },
	{ 0 },
};

static void socket_name(char *name, size_t size, u64 index)
{
	const char *at = strchr(conf.sockets, '@');

	if (at)
		snprintf(name, size, "%.*s%llu%s", (int)(at - conf.sockets),
			 conf.sockets, (unsigned long long)index, at + 1);
	else
		snprintf(name, size, "%s", conf.sockets);
}

static int read_block(struct drv_dev *dev)
{
	struct drv_blk_req req = { .type = VIRTIO_BLK_T_IN, .num_data = 1 };
	int ret;

	ret = drv_blk_req_alloc(&req, &dev->mem);
	if (ret)
		return ret;
	req.data[0] = (struct drv_sg){
		.gpa = vu_mem_alloc_any(&dev->mem, BLOCK, BLOCK),
		.len = BLOCK,
	};
	ret = drv_blk_do(dev, 0, &req, NULL);
	return ret == VIRTIO_BLK_S_OK ? 0 : -EIO;
}

static int start(struct drv_dev *dev, u64 index)
{
	char name[108];
	const struct drv_dev_conf dc = {
		.path = name,
		.features = DRV_BLK_FEATURES,
		.layout = { .regions = 1, .size = RAM },
	};
	int err;

	socket_name(name, sizeof(name), index);
	err = drv_dev_open(dev, &dc);
	if (!err)
		err = read_block(dev);
	if (err)
		fprintf(stderr, "%s: %s\n", name,
			dev->fe.err[0] ? dev->fe.err : strerror(-err));
	return err;
}

int main(int argc, char **argv)
{
	struct drv_dev *devs;
	char byte;
	int err;

	err = opts_parse(opts, argc, argv);
	if (err)
		return err < 0 ? 2 : 0;
	if (!conf.sockets) {
		fprintf(stderr, "%s: --sockets is missing\n", argv[0]);
		return 2;
	}
	devs = calloc(conf.count, sizeof(*devs));
	if (!devs)
		return EXIT_FAILURE;
	for (u64 i = 0; i < conf.count; i++)
		if (start(&devs[i], i))
			return EXIT_FAILURE;
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return EXIT_SUCCESS;
}
