/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device - a virtio device without its transport: type, queues, guest memory
 *
 * A device type (blk.c, net.c) gives a table of operations; the vhost-user
 * connection (vu_dev.c) drives the device through the calls below.  Devices
 * live from the start of the daemon to its end; connections come and go.
 */
#ifndef PV_DEVICE_H
#define PV_DEVICE_H

#include "dirty.h"
#include "evloop.h"
#include "inflight.h"
#include "mem.h"
#include "queue.h"

struct conf_device;
struct hist;
struct json_t;
struct stats_sources;
struct throttle_limit;

/* Bytes of a type's own state (device_ops.state_save()). */
#define DEVICE_STATE_MAX 64

/* vhost-user carries a queue index in 8 bits (SET_VRING_KICK). */
#define DEVICE_QUEUES_MAX 256

/**
 * struct device_oldest - the request of a queue that is out the longest
 * @start_ns:	since when, CLOCK_MONOTONIC
 * @op:		what it does
 * @offset:	bytes from the start of the disk
 */
struct device_oldest {
	u64 start_ns;
	const char *op;
	u64 offset;
};

/* Called with a descriptor and its name among those of its device. */
typedef void device_give(void *arg, const char *role, int fd);

/**
 * struct device_ops - a device type
 * @type:	"blk", "net"
 * @virtio_id:	virtio 1.3, 5: 1 network, 2 block
 * @consumes_disabled: a disabled transmit queue, the second of its group, runs
 *		all the same, its type drops what it takes (vhost-user, "Ring
 *		states"); for it struct queue.enabled may change while it runs
 * @config_required: a front end that does not read config space is refused
 * @protocol_features: vhost-user protocol features beyond the common ones
 * @features:	virtio features offered, without the ring's own
 * @config_read: copy @len bytes of config space from @off; 0 or -EINVAL
 * @config_write: write the fields the driver may write; 0, -EINVAL, -EPERM.
 *		Control thread; may be called while queues run
 * @features_set: the driver's choice; all queues stopped
 * @note:	what inflight_note() is to keep for the device's next life, > 0
 * @note_set:	a front end has brought device.inflight, which may have a note
 * @queue_enabled: SET_VRING_ENABLE has changed @q->enabled; control thread,
 *		@q is stopped
 * @queue_start: worker's thread; the queue begins to run
 * @queue_run:	worker's thread; one batch, returns units of work found
 * @queue_arm:	worker's thread; about to sleep: ask for what should wake the
 *		queue, true where that is there already.  Default vq_notify_on();
 *		net's receive queues wait for frames, not for buffers
 * @queue_stop:	worker's thread; take nothing new, cancel what waits for the
 *		outside (tap reads); queue_put() of the last ends the drain
 * @acquire:	the driver begins, on every ring's start: take what only one
 *		process may use; 0 or -errno.  Control thread
 * @release:	all rings have stopped while the guest migrates: all that it
 *		wrote must be where its new place finds it, and free to use
 * @state_save:	what must come along in a migration and is said by nothing else:
 *		write it to @buf, DEVICE_STATE_MAX bytes; how many.  Control
 *		thread, all queues stopped, as with @state_load
 * @state_load:	take it over; 0 or -EINVAL
 * @announce:	tell the network that the station @mac is here now; 0, -EINVAL
 *		(no station's address) or -errno.  Control thread
 * @mtu_set:	the largest packet that the driver is told of, 68 to 65535 bytes
 * @reload:	SIGHUP: look again at what is behind the device; true where
 *		config space changed
 * @stats:	say where the type's own counters of @q are
 * @device_stats: likewise, those that are of no queue
 * @status:	add what is the type's own to the device's status
 * @fds:	tell give(@arg) of each descriptor that another daemon is to use
 *		instead of opening what is behind the device anew
 * @latency:	histogram of @q's @n-th operation and its name; NULL: no more
 * @oldest:	@q's; false where nothing is out
 * @count_stuck: @q's oldest request was found to be out for too long
 * @limits_get:	rate limits as set last, THROTTLE_DIMS of them
 * @limits_set:	change them
 * @resize:	look at the size again, or grow to @size bytes first where that
 *		is not 0; 0 with @changed set, -EINVAL (smaller), -EOPNOTSUPP
 *		or -errno
 * @start:	once, in the sandbox and before the workers run: threads of its own;
 *		0 or -errno, logged; may be NULL
 * @destroy:	all queues stopped; frees the device
 *
 * Optional: config_write, features_set, queue_enabled, queue_start, queue_arm,
 * queue_stop, acquire, release, state_save with state_load, announce, mtu_set, reload, stats and
 * what follows, but for destroy; note and note_set unless INFLIGHT_SHMFD is among
 * @protocol_features.
 */
struct device_ops {
	const char *type;
	u32 virtio_id;
	bool consumes_disabled;
	bool config_required;
	u64 protocol_features;
	u64 (*features)(const struct device *dev);
	int (*config_read)(struct device *dev, u32 off, u32 len, void *buf);
	int (*config_write)(struct device *dev, u32 off, u32 len,
			    const void *buf);
	void (*features_set)(struct device *dev, u64 features);
	u8 (*note)(const struct device *dev);
	void (*note_set)(struct device *dev);
	void (*queue_enabled)(struct queue *q);
	void (*queue_start)(struct queue *q);
	unsigned int (*queue_run)(struct queue *q);
	bool (*queue_arm)(struct queue *q);
	void (*queue_stop)(struct queue *q);
	int (*acquire)(struct device *dev);
	void (*release)(struct device *dev);
	size_t (*state_save)(const struct device *dev, u8 *buf);
	int (*state_load)(struct device *dev, const u8 *buf, size_t len);
	int (*announce)(struct device *dev, const u8 *mac);
	void (*mtu_set)(struct device *dev, u16 mtu);
	bool (*reload)(struct device *dev);
	void (*stats)(const struct queue *q, struct stats_sources *out);
	void (*device_stats)(const struct device *dev,
			     struct stats_sources *out);
	void (*status)(const struct device *dev, struct json_t *json);
	void (*fds)(const struct device *dev, device_give *give, void *arg);
	const struct hist *(*latency)(const struct queue *q, unsigned int n,
				      const char **name);
	bool (*oldest)(const struct queue *q, struct device_oldest *out);
	void (*count_stuck)(struct queue *q);
	void (*limits_get)(const struct device *dev,
			   struct throttle_limit *limits);
	void (*limits_set)(struct device *dev,
			   const struct throttle_limit *limits);
	int (*resize)(struct device *dev, u64 size, bool *changed);
	int (*start)(struct device *dev);
	void (*destroy)(struct device *dev);
};

/**
 * struct device - common part; device types embed it as their first member
 * @ops:	type
 * @name:	from the configuration, unique in the daemon
 * @loop:	control thread's loop
 * @mem:	guest memory of the current front end
 * @log:	dirty log of the current front end
 * @log_fd:	eventfd that says that it has new bits (SET_LOG_FD), or -1
 * @inflight:	its record of what is in flight
 * @features:	acknowledged by the driver, 0 while none is connected
 * @features_known: SET_FEATURES has come; no queue runs before
 * @held:	no queue starts: another daemon still has them
 * @num_queues:	of @queues; for net two a pair
 * @group:	queues that belong together: net 2, blk 1
 * @queues:	fixed for the device's life
 * @draining:	queues that device_quiesce() still waits for
 * @quiesced:	called once when they have all stopped
 * @transport:	the connection's own (vu_dev.c)
 */
struct device {
	const struct device_ops *ops;
	const char *name;
	struct evloop *loop;
	struct mem_table mem;
	struct dirty_log log;
	int log_fd;
	struct inflight inflight;
	u64 features;
	bool features_known;
	bool held;
	unsigned int num_queues;
	unsigned int group;
	struct queue *queues;
	unsigned int draining;
	void (*quiesced)(struct device *dev);
	void *transport;
};

/** struct device_env - what a device type is given to make a device */
struct device_env {
	struct evloop *loop;
	struct worker **workers;
	unsigned int num_workers;
};

/**
 * device_init() - fill the common part and its queues, spread over workers
 * @group:	queues with consecutive indices that must share a worker (net
 *		pairs: 2)
 *
 * Return: 0 or -ENOMEM.
 */
int device_init(struct device *dev, const struct device_ops *ops,
		const char *name, unsigned int num_queues, unsigned int group,
		const struct device_env *env);

/** device_fini() - free what device_init() made */
void device_fini(struct device *dev);

/**
 * device_quiesce() - stop one queue, or all, then call @done
 * @q:		the queue, or NULL for all
 * @done:	on the control thread, at once where nothing runs
 *
 * One at a time per device: the connection takes no message meanwhile.
 */
void device_quiesce(struct device *dev, struct queue *q,
		    void (*done)(struct device *dev));

/**
 * device_update() - start every stopped queue that should run now
 *
 * One that cannot says why in queue.start_err, and is tried again at the next
 * call: the memory that its ring is in may be still to come.
 */
void device_update(struct device *dev);

/** device_logs() - must what is written to guest memory be logged? */
static inline bool device_logs(const struct device *dev)
{
	return dev->features & BIT_ULL(VHOST_F_LOG_ALL);
}

/** device_log_covers() - has every page of guest memory a bit in @log? */
bool device_log_covers(const struct device *dev, const struct dirty_log *log);

/** device_queue_consumes_disabled() - does @q run whether enabled or not? */
bool device_queue_consumes_disabled(const struct queue *q);

/** device_set_features() - the driver's choice; all queues stopped */
void device_set_features(struct device *dev, u64 features);

/** device_queue_drained() - queue.c tells that @q has stopped */
void device_queue_drained(struct device *dev, struct queue *q);

/**
 * device_driver_gone() - the driver's end: rings stopped, features forgotten
 *
 * All queues stopped.  Positions of rings can still be asked for.
 */
void device_driver_gone(struct device *dev);

/** device_forget_rings() - disabled and not set up, but for call and error fds */
void device_forget_rings(struct device *dev);

/** device_reset() - forget driver and front end; all queues stopped */
void device_reset(struct device *dev);

#endif /* PV_DEVICE_H */
