// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_conf - the command line, and the file that it names
 *
 *	input: a byte for the command; the arguments, each ended by a zero byte;
 *	after an empty one the file
 *
 * What conf_load() accepts is complete and in bounds, and freed without a rest.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf.h"
#include "device.h"
#include "fuzz.h"
#include "log.h"

#define ARGS_MAX 16
#define TEXT_MAX 4096

static int file_fd;
static char file_arg[64];

/* Arguments that are there however the input goes on. */
static const char *const commands[] = { "blk", "net", "run", "" };

/**
 * struct line - a command line
 * @text:	the input's arguments
 */
struct line {
	int argc;
	char *argv[ARGS_MAX + 4];
	char text[TEXT_MAX];
};

static void argument_add(struct line *l, const char *arg)
{
	l->argv[l->argc++] = (char *)arg;
	l->argv[l->argc] = NULL;
}

/* Bytes of arguments, the empty one included. */
static size_t arguments_take(struct line *l, struct fuzz_input *in)
{
	size_t len = min(in->left, sizeof(l->text) - 1);
	size_t at = 0;

	memcpy(l->text, in->at, len);
	l->text[len] = '\0';
	while (at < len && l->text[at] && l->argc < ARGS_MAX) {
		argument_add(l, l->text + at);
		at += strlen(l->text + at) + 1;
	}
	return min(at + 1, len);
}

static void file_write(const u8 *data, size_t len)
{
	if (ftruncate(file_fd, 0) || pwrite(file_fd, data, len, 0) < 0)
		abort();
}

static void line_take(struct line *l, struct fuzz_input *in)
{
	unsigned int command = fuzz_u8(in) % ARRAY_SIZE(commands);
	size_t len;

	l->argc = 0;
	argument_add(l, "pvbackend");
	if (*commands[command])
		argument_add(l, commands[command]);
	if (!strcmp(commands[command], "run"))
		argument_add(l, file_arg);
	len = arguments_take(l, in);
	file_write(in->at + len, in->left - len);
}

static void check_device(const struct conf_device *dev)
{
	FUZZ_CHECK(dev->name && *dev->name);
	FUZZ_CHECK(dev->num_queues && dev->num_queues <= DEVICE_QUEUES_MAX);
	FUZZ_CHECK(dev->queue_size && dev->queue_size <= VQ_SIZE_MAX);
	if (dev->type == CONF_BLK)
		FUZZ_CHECK(dev->store);
	else
		FUZZ_CHECK(dev->port);
}

static void check(const struct conf *conf)
{
	FUZZ_CHECK(conf->num_devices);
	for (unsigned int i = 0; i < conf->num_devices; i++)
		check_device(&conf->devices[i]);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz_input in = { data, size };
	static struct conf conf;
	static struct line line;
	int ret;

	line_take(&line, &in);
	memset(&conf, 0, sizeof(conf));
	ret = conf_load(&conf, line.argc, line.argv);
	FUZZ_CHECK(ret <= 1);
	if (!ret)
		check(&conf);
	conf_free(&conf);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_set_level(LOG_EMERG);
	file_fd = memfd_create("conf", MFD_CLOEXEC);
	if (file_fd < 0)
		abort();
	snprintf(file_arg, sizeof(file_arg), "--config=/proc/self/fd/%d",
		 file_fd);
	return 0;
}
