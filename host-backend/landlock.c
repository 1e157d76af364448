// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * landlock - no files, no network ports: what a thread may reach by name
 */
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of Linux 6.2, 6.7, 6.10 and 6.12; absent from older headers. */
#define FS_TRUNCATE	    (1ULL << 14)
#define FS_IOCTL_DEV	    (1ULL << 15)
#define NET_BIND_TCP	    (1ULL << 0)
#define NET_CONNECT_TCP	    (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)
#define SCOPE_SIGNAL	    (1ULL << 1)

/* struct landlock_ruleset_attr of Linux 6.12; older kernels take less of it. */
struct ruleset_attr {
	__u64 handled_access_fs;
	__u64 handled_access_net;
	__u64 scoped;
};

/* What each version added, and how much of the struct it knows. */
static const struct {
	struct ruleset_attr attr;
	size_t size;
} versions[] = {
	{ { .handled_access_fs = LANDLOCK_ACCESS_FS_REFER - 1 },
	  offsetof(struct ruleset_attr, handled_access_net) },
	{ { .handled_access_fs = LANDLOCK_ACCESS_FS_REFER },
	  offsetof(struct ruleset_attr, handled_access_net) },
	{ { .handled_access_fs = FS_TRUNCATE },
	  offsetof(struct ruleset_attr, handled_access_net) },
	{ { .handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP },
	  offsetof(struct ruleset_attr, scoped) },
	{ { .handled_access_fs = FS_IOCTL_DEV },
	  offsetof(struct ruleset_attr, scoped) },
	{ { .scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL },
	  sizeof(struct ruleset_attr) },
};

/* All that the kernel can forbid; how much of @attr it takes. */
static size_t attr_fill(struct ruleset_attr *attr, int abi)
{
	size_t size = 0;

	for (int i = 0; i < abi && i < (int)ARRAY_SIZE(versions); i++) {
		attr->handled_access_fs |= versions[i].attr.handled_access_fs;
		attr->handled_access_net |= versions[i].attr.handled_access_net;
		attr->scoped |= versions[i].attr.scoped;
		size = versions[i].size;
	}
	return size;
}

int landlock_open(struct landlock *ll, bool connects)
{
	struct ruleset_attr attr = { 0 };
	size_t size;
	long ret;

	*ll = (struct landlock){ .ruleset = -1 };
	ret = syscall(SYS_landlock_create_ruleset, NULL, 0,
		      LANDLOCK_CREATE_RULESET_VERSION);
	if (ret < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	ll->abi = (int)ret;
	size = attr_fill(&attr, ll->abi);
	if (connects)
		attr.handled_access_net &= ~NET_CONNECT_TCP;
	ret = syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ret < 0)
		return -errno;
	ll->ruleset = (int)ret;
	return 0;
}

static int allow(const struct landlock *ll, const char *path, u64 access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };
	int err = 0;

	if (ll->ruleset < 0)
		return 0;
	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return -errno;
	if (syscall(SYS_landlock_add_rule, ll->ruleset,
		    LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		err = -errno;
	close(rule.parent_fd);
	return err;
}

int landlock_allow_remove(const struct landlock *ll, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int err;

	if (!slash)
		return allow(ll, ".", LANDLOCK_ACCESS_FS_REMOVE_FILE);
	dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!dir)
		return -ENOMEM;
	err = allow(ll, dir, LANDLOCK_ACCESS_FS_REMOVE_FILE);
	free(dir);
	return err;
}

int landlock_enter(struct landlock *ll)
{
	int err = 0;

	if (ll->ruleset < 0)
		return 0;
	if (syscall(SYS_landlock_restrict_self, ll->ruleset, 0))
		err = -errno;
	close(ll->ruleset);
	ll->ruleset = -1;
	return err;
}
