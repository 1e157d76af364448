// SPDX-License-Identifier: GPL-2.0
/*
 * queue - queue pairs: allocate, find, start, stop, spread over CPUs
 *
 * Theory of operation
 *
 *	alloc -> find -> start <-> stop -> del -> free
 *
 * alloc and free belong to probe and remove; find and del surround every
 * life of the virtqueues, which a reset ends.  The device numbers virtqueues
 * rx0 tx0 rx1 tx1 ... ctrl, counting all pairs it has, so all of them are
 * found, but only want.pairs carry traffic.  All run under RTNL or before
 * the network device is registered.
 */
#include <linux/cpu.h>
#include <linux/slab.h>
#include <linux/virtio_ring.h>

#include "pvnet.h"

/* Arguments of virtio_find_vqs_ctx(), which live as long as the call. */
struct vq_args {
	struct virtqueue **vqs;
	vq_callback_t **callbacks;
	const char **names;
	bool *ctx;
};

static void init_rxq(struct pvnet *pn, unsigned int i)
{
	struct pvnet_rxq *rxq = &pn->rxq[i];

	rxq->pn = pn;
	rxq->index = i;
	snprintf(rxq->name, sizeof(rxq->name), "input.%u", i);
	u64_stats_init(&rxq->counters.sync);
	INIT_DELAYED_WORK(&rxq->retry, pvnet_rx_retry);
	netif_napi_add(pn->dev, &rxq->napi, pvnet_rx_poll);
}

static void init_txq(struct pvnet *pn, unsigned int i)
{
	struct pvnet_txq *txq = &pn->txq[i];

	txq->pn = pn;
	txq->index = i;
	txq->nq = netdev_get_tx_queue(pn->dev, i);
	snprintf(txq->name, sizeof(txq->name), "output.%u", i);
	u64_stats_init(&txq->counters.sync);
	netif_napi_add_tx(pn->dev, &txq->napi, pvnet_tx_poll);
}

/**
 * pvnet_queues_alloc() - memory and NAPI of all queue pairs
 * @pn: device with pairs_max known
 *
 * Return: 0 or -ENOMEM.
 */
int pvnet_queues_alloc(struct pvnet *pn)
{
	unsigned int i;

	pn->rxq = kvcalloc(pn->pairs_max, sizeof(*pn->rxq), GFP_KERNEL);
	if (!pn->rxq)
		return -ENOMEM;
	pn->txq = kvcalloc(pn->pairs_max, sizeof(*pn->txq), GFP_KERNEL);
	if (!pn->txq) {
		kvfree(pn->rxq);
		return -ENOMEM;
	}
	for (i = 0; i < pn->pairs_max; i++) {
		init_rxq(pn, i);
		init_txq(pn, i);
	}
	return 0;
}

/**
 * pvnet_queues_free() - undo pvnet_queues_alloc()
 * @pn: device without virtqueues
 */
void pvnet_queues_free(struct pvnet *pn)
{
	unsigned int i;

	for (i = 0; i < pn->pairs_max; i++) {
		netif_napi_del(&pn->rxq[i].napi);
		netif_napi_del(&pn->txq[i].napi);
	}
	kvfree(pn->txq);
	kvfree(pn->rxq);
}

static void free_args(struct vq_args *a)
{
	kfree(a->vqs);
	kfree(a->callbacks);
	kfree(a->names);
	kfree(a->ctx);
}

static int alloc_args(struct vq_args *a, unsigned int num)
{
	a->vqs = kcalloc(num, sizeof(*a->vqs), GFP_KERNEL);
	a->callbacks = kcalloc(num, sizeof(*a->callbacks), GFP_KERNEL);
	a->names = kcalloc(num, sizeof(*a->names), GFP_KERNEL);
	a->ctx = kcalloc(num, sizeof(*a->ctx), GFP_KERNEL);
	if (a->vqs && a->callbacks && a->names && a->ctx)
		return 0;
	free_args(a);
	return -ENOMEM;
}

static void fill_args(struct pvnet *pn, struct vq_args *a)
{
	unsigned int i;

	for (i = 0; i < pn->pairs_max; i++) {
		a->names[2 * i] = pn->rxq[i].name;
		a->callbacks[2 * i] = pvnet_rx_callback;
		a->ctx[2 * i] = pn->rx_mode != PVNET_RX_CHAIN;
		a->names[2 * i + 1] = pn->txq[i].name;
		a->callbacks[2 * i + 1] = pvnet_tx_callback;
	}
	a->names[2 * i] = "control";
	a->callbacks[2 * i] = pvnet_ctrl_callback;
}

/* A ring without indirect descriptors may be shorter than a frame. */
static void setup_txq(struct pvnet_txq *txq)
{
	unsigned int slots = virtqueue_get_vring_size(txq->vq);

	txq->sg_max = PVNET_TX_SG_MAX;
	if (!pvnet_has(txq->pn, VIRTIO_RING_F_INDIRECT_DESC)) {
		txq->sg_max = min(txq->sg_max, slots);
		txq->stop_free = txq->sg_max;
	} else {
		txq->stop_free = clamp(slots / 2, 1u, txq->sg_max);
	}
	txq->armed = false;
}

static void adopt_vqs(struct pvnet *pn, struct virtqueue **vqs)
{
	unsigned int i;

	for (i = 0; i < pn->pairs_max; i++) {
		pn->rxq[i].vq = vqs[2 * i];
		pn->txq[i].vq = vqs[2 * i + 1];
		pvnet_buf_setup(&pn->rxq[i]);
		setup_txq(&pn->txq[i]);
	}
}

/**
 * pvnet_queues_find() - have the transport set up all virtqueues
 * @pn: device with pvnet_queues_alloc() done
 *
 * Return: 0 or the transport's -errno.
 */
int pvnet_queues_find(struct pvnet *pn)
{
	bool ctrl = pvnet_has(pn, VIRTIO_NET_F_CTRL_VQ);
	unsigned int num = 2 * pn->pairs_max + 1;
	struct vq_args a;
	int err;

	err = alloc_args(&a, num);
	if (err)
		return err;
	fill_args(pn, &a);
	err = virtio_find_vqs_ctx(pn->vdev, num - !ctrl, a.vqs, a.callbacks,
				  a.names, a.ctx, NULL);
	if (!err) {
		adopt_vqs(pn, a.vqs);
		pn->ctrl.vq = ctrl ? a.vqs[num - 1] : NULL;
	}
	free_args(&a);
	return err;
}

/**
 * pvnet_queues_del() - reset the device and take everything back
 * @pn: device with queues stopped
 */
void pvnet_queues_del(struct pvnet *pn)
{
	unsigned int i;

	pvnet_ctrl_stop(&pn->ctrl);
	virtio_reset_device(pn->vdev);
	for (i = 0; i < pn->pairs_max; i++) {
		pvnet_buf_free_all(&pn->rxq[i]);
		pvnet_tx_free_all(&pn->txq[i]);
	}
	pvnet_ctrl_free_all(&pn->ctrl);
	pn->vdev->config->del_vqs(pn->vdev);
}

/* CPU n sends on pair n modulo pairs, and takes that pair's interrupts. */
static void spread(struct pvnet *pn)
{
	unsigned int pairs = pn->want.pairs;
	cpumask_var_t mask;
	unsigned int i;
	int cpu, n;

	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return;
	cpus_read_lock();
	for (i = 0; i < pairs; i++) {
		cpumask_clear(mask);
		n = 0;
		for_each_online_cpu(cpu)
			if (n++ % pairs == i)
				cpumask_set_cpu(cpu, mask);
		if (cpumask_empty(mask))
			break;
		virtqueue_set_affinity(pn->rxq[i].vq, mask);
		virtqueue_set_affinity(pn->txq[i].vq, mask);
		__netif_set_xps_queue(pn->dev, cpumask_bits(mask), i, XPS_CPUS);
	}
	cpus_read_unlock();
	free_cpumask_var(mask);
}

/* NAPI must be disabled or not yet used by the device. */
static void fill_rxq(struct pvnet_rxq *rxq)
{
	if (!pvnet_buf_refill(rxq, GFP_KERNEL))
		schedule_delayed_work(&rxq->retry, HZ / 10);
	pvnet_buf_kick(rxq);
}

/* Whatever came in while callbacks were off has to be looked at once. */
static void enable_napi(struct napi_struct *napi)
{
	napi_enable(napi);
	local_bh_disable();
	napi_schedule(napi);
	local_bh_enable();
}

/* A pair that was given up keeps its NAPI, to reap what it still sends. */
static void start_pairs(struct pvnet *pn, unsigned int pairs)
{
	for (; pn->started < pairs; pn->started++) {
		fill_rxq(&pn->rxq[pn->started]);
		enable_napi(&pn->txq[pn->started].napi);
		enable_napi(&pn->rxq[pn->started].napi);
	}
}

/**
 * pvnet_queues_start() - fill receive queues and let NAPI run
 * @pn: device with virtqueues
 */
void pvnet_queues_start(struct pvnet *pn)
{
	start_pairs(pn, pn->want.pairs);
}

/**
 * pvnet_queues_stop() - wait for NAPI and keep it off
 * @pn: device with pvnet_queues_start() done
 */
void pvnet_queues_stop(struct pvnet *pn)
{
	while (pn->started) {
		pn->started--;
		napi_disable(&pn->rxq[pn->started].napi);
		cancel_delayed_work_sync(&pn->rxq[pn->started].retry);
		napi_disable(&pn->txq[pn->started].napi);
	}
}

/**
 * pvnet_queues_publish() - tell the stack how many pairs there are
 * @pn: device
 *
 * Return: 0 or -errno.
 */
int pvnet_queues_publish(struct pvnet *pn)
{
	int err;

	err = netif_set_real_num_tx_queues(pn->dev, pn->want.pairs);
	if (!err)
		err = netif_set_real_num_rx_queues(pn->dev, pn->want.pairs);
	if (!err)
		spread(pn);
	return err;
}

/**
 * pvnet_queues_set_pairs() - change the number of pairs in use: under RTNL
 * @pn: device with virtqueues
 * @pairs: from 1 to pairs_max
 *
 * New pairs are ready before the device hears of them.
 *
 * Return: 0, or -errno with nothing changed.
 */
int pvnet_queues_set_pairs(struct pvnet *pn, unsigned int pairs)
{
	unsigned int old = pn->want.pairs;
	int err;

	if (netif_running(pn->dev))
		start_pairs(pn, pairs);
	err = pvnet_ctrl_set_pairs(pn, pairs);
	if (err)
		return err;
	pn->want.pairs = pairs;
	err = pvnet_queues_publish(pn);
	if (err) {
		pn->want.pairs = old;
		pvnet_ctrl_set_pairs(pn, old);
	}
	return err;
}
