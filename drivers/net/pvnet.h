/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pvnet - virtio network driver: READ FIRST
 *
 * Theory of operation
 *
 *	struct pvnet ---+-- rxq[] -- NAPI -- receive virtqueue  (rx.c, buf.c)
 *	  (main.c)	+-- txq[] -- NAPI -- transmit virtqueue (tx.c)
 *			+-- ctrl ---------- control virtqueue	(ctrl.c)
 *			+-- want ---------- what the device is told (state.c)
 *
 * Receive.  Buffers are pieces of 32 KiB chunks.  Their size follows the
 * frames seen: small ones for small frames, up to a whole chunk for the
 * 64 KiB frames of a peer that segments late, so that such a frame takes two
 * or three buffers.  A short frame is copied and its buffer posted again
 * unchanged; of a longer frame's buffer the unused rest is posted again, so
 * that a frame is charged (truesize) what it really occupies.  Only the RX
 * NAPI touches a receive virtqueue, except while NAPI is disabled.
 *
 * Transmit.  Completions are reaped by the next transmit or by the TX NAPI,
 * both under the stack's TX queue lock, which thereby protects all of struct
 * pvnet_txq.  The completion interrupt is armed for three quarters of what
 * is outstanding, so that a busy sender, who reaps by himself, rarely sees it.
 *
 * Control.  A command sleeps until the device answers or the time is up; then
 * the queue counts as dead, every later command fails at once, and the late
 * command's memory stays the device's until it answers or is reset.
 *
 * State.  What the user asked for lives in struct net_device and in
 * pvnet.want; pvnet_state_replay() alone tells all of it to a device that has
 * just been reset, whatever the cause.
 *
 * The device is not trusted: each length, index and field it writes is copied
 * once, checked and counted under a name if it is a lie; the frame is dropped.
 *
 * Locks, outermost first: RTNL; ctrl.mutex; TX queue lock; ctrl.vq_lock.
 */
#ifndef PVNET_H
#define PVNET_H

#include <linux/average.h>
#include <linux/completion.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/scatterlist.h>
#include <linux/u64_stats_sync.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/workqueue.h>

#include "hdr.h"

/* More pairs than this and multi-queue is refused (validate). */
#define PVNET_PAIRS_MAX		1024u
/* One descriptor for the header, one for the linear part, one a fragment. */
#define PVNET_TX_SG_MAX		(MAX_SKB_FRAGS + 2)
/* Frames up to this many bytes are copied out of their buffer. */
#define PVNET_COPY_MAX		256u
#define PVNET_CHUNK_BYTES	32768u
#define PVNET_CHAIN_PAGES	\
	(DIV_ROUND_UP(PVNET_FRAME_MAX + VLAN_HLEN + 12, PAGE_SIZE))

/* Counters of one queue; "ethtool -S" shows them under the names in
 * ethtool.c.  Written by the queue's owner (RX NAPI, or holder of the TX queue
 * lock).  netdev.c sums ranges of drops, so keep their order.
 */
enum pvnet_rx_counter {
	PVNET_RX_PACKETS,
	PVNET_RX_BYTES,
	PVNET_RX_KICKS,
	PVNET_RX_BUFFERS,
	PVNET_RX_COPIED,
	PVNET_RX_CARVED,
	PVNET_RX_REFILL_FAILED,
	PVNET_RX_DROP_NO_MEMORY,
	PVNET_RX_DROP_BAD_LENGTH,
	PVNET_RX_DROP_BAD_COUNT,
	PVNET_RX_DROP_BAD_CSUM,
	PVNET_RX_DROP_BAD_GSO,
	PVNET_RX_NUM,
};

enum pvnet_tx_counter {
	PVNET_TX_PACKETS,
	PVNET_TX_BYTES,
	PVNET_TX_KICKS,
	PVNET_TX_STOPS,
	PVNET_TX_WAKES,
	PVNET_TX_POLLS,
	PVNET_TX_LINEARIZED,
	PVNET_TX_TIMEOUTS,
	PVNET_TX_DROP_NO_MEMORY,
	PVNET_TX_DROP_OFFLOAD,
	PVNET_TX_DROP_RING_FULL,
	PVNET_TX_DROP_BROKEN,
	PVNET_TX_DROP_RESET,
	PVNET_TX_NUM,
};

#define PVNET_COUNTERS_MAX	16
static_assert((int)PVNET_RX_NUM <= PVNET_COUNTERS_MAX);
static_assert((int)PVNET_TX_NUM <= PVNET_COUNTERS_MAX);

struct pvnet_counters {
	struct u64_stats_sync sync;
	u64_stats_t value[PVNET_COUNTERS_MAX];
};

static inline void pvnet_count(struct pvnet_counters *c, unsigned int which,
			       unsigned int n)
{
	u64_stats_update_begin(&c->sync);
	u64_stats_add(&c->value[which], n);
	u64_stats_update_end(&c->sync);
}

/**
 * enum pvnet_rx_mode - how receive buffers are laid out
 * @PVNET_RX_MERGE: any number of buffers a frame (MRG_RXBUF)
 * @PVNET_RX_SINGLE: one contiguous buffer that holds the longest frame
 * @PVNET_RX_CHAIN: one descriptor chain of pages that holds the longest frame
 */
enum pvnet_rx_mode {
	PVNET_RX_MERGE,
	PVNET_RX_SINGLE,
	PVNET_RX_CHAIN,
};

/* A posted piece of a chunk, or (CHAIN) a struct pvnet_chain. */
struct pvnet_rxbuf {
	void *addr;
	unsigned int len;
};

/* Pages of one buffer in CHAIN mode; a page given away is NULL. */
struct pvnet_chain {
	struct pvnet_chain *next;
	struct page *page[PVNET_CHAIN_PAGES];
};

/* Sizes of the frames that consumed buffers, as a moving average. */
DECLARE_EWMA(pvnet_frame, 0, 32)

struct pvnet;

struct pvnet_rxq {
	/* Read-mostly: set when queues are allocated or started */
	struct pvnet *pn;
	struct virtqueue *vq;
	unsigned int index;
	unsigned int buf_min;		/* bytes of the smallest buffer made */
	unsigned int budget_bytes;	/* memory the device may hold */
	char name[16];

	/* Written by the RX NAPI */
	struct napi_struct napi ____cacheline_aligned_in_smp;
	struct page_frag chunk;
	struct ewma_pvnet_frame frame_avg;
	unsigned int posted_bytes;	/* memory the device holds */
	unsigned int unkicked;		/* posted since the last kick */
	struct pvnet_chain *spare;	/* chains not posted */
	struct pvnet_counters counters;
	struct scatterlist sg[PVNET_CHAIN_PAGES + 1];

	/* Schedules the NAPI again after memory ran out */
	struct delayed_work retry;

	/* Written by the interrupt */
	unsigned long callbacks ____cacheline_aligned_in_smp;
};

struct pvnet_txq {
	/* Read-mostly: set when queues are allocated */
	struct pvnet *pn;
	struct virtqueue *vq;
	struct netdev_queue *nq;
	unsigned int index;
	unsigned int sg_max;		/* descriptors one frame may take */
	unsigned int stop_free;		/* stop below so many free */
	char name[16];

	/* Written under the TX queue lock */
	struct napi_struct napi ____cacheline_aligned_in_smp;
	bool armed;			/* completion interrupt is asked for */
	struct pvnet_counters counters;
	struct scatterlist sg[PVNET_TX_SG_MAX];

	/* Written by the interrupt */
	unsigned long callbacks ____cacheline_aligned_in_smp;
};

/**
 * struct pvnet_ctrl - the control queue
 * @mutex: one command at a time; sleeps
 * @vq_lock: the virtqueue against its callback
 * @vq: the virtqueue, NULL if the device has none; set while @dead
 * @dead: no command is sent any more; cleared by pvnet_ctrl_start() alone
 */
struct pvnet_ctrl {
	struct mutex mutex;	/* serializes commands */
	spinlock_t vq_lock;	/* virtqueue against its callback */
	struct virtqueue *vq;
	bool dead;
	/* free-running counters, under mutex */
	u64 commands;
	u64 refused;
	u64 timeouts;
	u64 not_sent;
};

/* What the user asked for and struct net_device does not hold: under RTNL. */
struct pvnet_want {
	unsigned int pairs;		/* queue pairs in use */
	u64 guest_offloads;		/* bits of the features kept on */
	DECLARE_BITMAP(vlans, VLAN_N_VID);
};

struct pvnet {
	/* Read-mostly: set in probe and restore */
	struct virtio_device *vdev;
	struct net_device *dev;
	struct pvnet_rxq *rxq;
	struct pvnet_txq *txq;
	struct pvnet_hdr_format hdr;
	enum pvnet_rx_mode rx_mode;
	unsigned int pairs_max;
	unsigned int rx_align;		/* of buffers, for DMA */
	bool any_layout;		/* header and frame may share a buffer */

	/* Control path */
	struct pvnet_ctrl ctrl;
	struct pvnet_want want;
	struct work_struct config_work;
	struct work_struct rx_mode_work;
	bool alive;			/* virtqueues exist */
	unsigned int started;		/* pairs with NAPI enabled: RTNL */
	u64 tx_timeouts;
	u64 link_changes;
	u64 announces;
};

static inline bool pvnet_has(const struct pvnet *pn, unsigned int bit)
{
	return virtio_has_feature(pn->vdev, bit);
}

static inline struct pvnet_rxq *pvnet_rxq_of(struct virtqueue *vq)
{
	return &((struct pvnet *)vq->vdev->priv)->rxq[vq->index / 2];
}

static inline struct pvnet_txq *pvnet_txq_of(struct virtqueue *vq)
{
	return &((struct pvnet *)vq->vdev->priv)->txq[vq->index / 2];
}

/* main.c */
int pvnet_reshape(struct pvnet *pn);

/* netdev.c */
extern const struct net_device_ops pvnet_netdev_ops;
void pvnet_netdev_set_features(struct pvnet *pn);
void pvnet_link_update(struct pvnet *pn);
void pvnet_config_work(struct work_struct *work);
void pvnet_rx_mode_work(struct work_struct *work);

/* queue.c */
int pvnet_queues_alloc(struct pvnet *pn);
void pvnet_queues_free(struct pvnet *pn);
int pvnet_queues_find(struct pvnet *pn);
void pvnet_queues_del(struct pvnet *pn);
void pvnet_queues_start(struct pvnet *pn);
void pvnet_queues_stop(struct pvnet *pn);
int pvnet_queues_set_pairs(struct pvnet *pn, unsigned int pairs);
int pvnet_queues_publish(struct pvnet *pn);

/* buf.c */
void pvnet_buf_setup(struct pvnet_rxq *rxq);
bool pvnet_buf_refill(struct pvnet_rxq *rxq, gfp_t gfp);
void pvnet_buf_kick(struct pvnet_rxq *rxq);
bool pvnet_buf_get(struct pvnet_rxq *rxq, struct pvnet_rxbuf *buf,
		   unsigned int *used_bytes);
void pvnet_buf_learn(struct pvnet_rxq *rxq, unsigned int bytes);
unsigned int pvnet_buf_take(struct pvnet_rxq *rxq,
			    const struct pvnet_rxbuf *buf, unsigned int used);
void pvnet_buf_repost(struct pvnet_rxq *rxq, const struct pvnet_rxbuf *buf);
void pvnet_buf_free_all(struct pvnet_rxq *rxq);
unsigned int pvnet_buf_frame_max(const struct pvnet *pn);

/* rx.c */
int pvnet_rx_poll(struct napi_struct *napi, int budget);
void pvnet_rx_callback(struct virtqueue *vq);
void pvnet_rx_retry(struct work_struct *work);

/* tx.c */
netdev_tx_t pvnet_tx_xmit(struct sk_buff *skb, struct net_device *dev);
int pvnet_tx_poll(struct napi_struct *napi, int budget);
void pvnet_tx_callback(struct virtqueue *vq);
void pvnet_tx_reap_idle(struct pvnet_txq *txq);
void pvnet_tx_timeout(struct net_device *dev, unsigned int index);
void pvnet_tx_free_all(struct pvnet_txq *txq);

/* ctrl.c */
void pvnet_ctrl_init(struct pvnet_ctrl *ctrl);
void pvnet_ctrl_start(struct pvnet_ctrl *ctrl);
void pvnet_ctrl_stop(struct pvnet_ctrl *ctrl);
void pvnet_ctrl_free_all(struct pvnet_ctrl *ctrl);
void pvnet_ctrl_callback(struct virtqueue *vq);
int pvnet_ctrl_set_pairs(struct pvnet *pn, unsigned int pairs);
int pvnet_ctrl_set_mac(struct pvnet *pn, const u8 *mac);
int pvnet_ctrl_set_vlan(struct pvnet *pn, u16 vid, bool on);
int pvnet_ctrl_set_offloads(struct pvnet *pn, u64 offloads);
int pvnet_ctrl_set_rx_flag(struct pvnet *pn, u8 which, bool on);
int pvnet_ctrl_set_mac_table(struct pvnet *pn, const void *table, size_t len);
int pvnet_ctrl_ack_announce(struct pvnet *pn);

/* state.c */
void pvnet_state_init(struct pvnet *pn);
void pvnet_state_replay(struct pvnet *pn);
void pvnet_state_send_rx_mode(struct pvnet *pn);

/* ethtool.c */
extern const struct ethtool_ops pvnet_ethtool_ops;

#endif /* PVNET_H */
