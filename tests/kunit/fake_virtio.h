/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fake_virtio - a virtio device inside the kernel, for KUnit
 *
 * A test describes a device, creates it, and the driver built into the kernel
 * binds to it as to any other.  The device's half of each ring is worked off
 * by a kernel worker, which calls the test's handler for every chain of
 * buffers; the handler answers, or holds the chain and answers later or never.
 *
 * The device side reads the ring memory itself, not through the driver core's
 * bookkeeping, so it can also do what no honest device does: see
 * fake_virtio_push_used().
 */
#ifndef FAKE_VIRTIO_H
#define FAKE_VIRTIO_H

#include <linux/types.h>
#include <linux/uio.h>
#include <linux/virtio.h>

#define FAKE_MAX_QUEUES 8
#define FAKE_MAX_BUFFERS 64
#define FAKE_CONFIG_BYTES 256

struct fake_device;

/* Returned by a handler that keeps the chain. */
#define FAKE_HOLD (-1)

/**
 * struct fake_chain - one chain of buffers the driver has made available
 * @queue: index of its queue
 * @head: index of its first descriptor, as the used ring wants it
 * @out_count: buffers the device may read
 * @in_count: buffers the device may write
 * @out_bytes: their bytes together
 * @in_bytes: likewise
 * @out: buffers the device may read
 * @in: buffers the device may write
 */
struct fake_chain {
	unsigned int queue;
	u16 head;
	unsigned int out_count;
	unsigned int in_count;
	size_t out_bytes;
	size_t in_bytes;
	struct kvec out[FAKE_MAX_BUFFERS];
	struct kvec in[FAKE_MAX_BUFFERS];
};

/**
 * struct fake_spec - what kind of device to create
 * @device_id: VIRTIO_ID_*
 * @features: feature bits the device offers
 * @queues: queues it has, at most FAKE_MAX_QUEUES
 * @ring_size: descriptors of each, a power of two
 * @config: its configuration space at the start
 * @config_bytes: length of @config, at most FAKE_CONFIG_BYTES
 * @handle: called for each chain, in a worker; returns the length for the used
 *	ring, or FAKE_HOLD.  The chain is valid only during the call
 * @context: for @handle, see fake_virtio_context()
 */
struct fake_spec {
	u32 device_id;
	u64 features;
	unsigned int queues;
	unsigned int ring_size;
	const void *config;
	size_t config_bytes;
	int (*handle)(struct fake_device *device, struct fake_chain *chain);
	void *context;
};

struct fake_device *fake_virtio_create(const struct fake_spec *spec);
void fake_virtio_destroy(struct fake_device *device);

/* The driver's view of the device, and whether a driver has bound to it. */
struct virtio_device *fake_virtio_vdev(struct fake_device *device);
bool fake_virtio_bound(struct fake_device *device);
void *fake_virtio_context(struct fake_device *device);

/* What the driver has done so far. */
unsigned int fake_virtio_kicks(struct fake_device *device, unsigned int queue);
unsigned int fake_virtio_interrupts(struct fake_device *device,
				    unsigned int queue);
unsigned int fake_virtio_resets(struct fake_device *device);
u64 fake_virtio_driver_features(struct fake_device *device);

/* Configuration changes by the device, and by nobody: an unstable generation. */
void fake_virtio_set_config(struct fake_device *device, size_t offset,
			    const void *value, size_t bytes);
void fake_virtio_get_config(struct fake_device *device, size_t offset,
			    void *value, size_t bytes);
void fake_virtio_set_unstable(struct fake_device *device, bool unstable);
void fake_virtio_config_changed(struct fake_device *device);
void fake_virtio_needs_reset(struct fake_device *device);

/* Work off everything that is available; for a test that does not want to wait. */
void fake_virtio_drain(struct fake_device *device);

/* An entry in the used ring, whatever it says, and the interrupt for it. */
void fake_virtio_push_used(struct fake_device *device, unsigned int queue,
			   u32 id, u32 bytes);
void fake_virtio_interrupt(struct fake_device *device, unsigned int queue);

/* Data of a chain, from any position; return the bytes copied. */
size_t fake_chain_read(const struct fake_chain *chain, size_t from, void *to,
		       size_t bytes);
size_t fake_chain_write(const struct fake_chain *chain, size_t to,
			const void *from, size_t bytes);

#endif /* FAKE_VIRTIO_H */
