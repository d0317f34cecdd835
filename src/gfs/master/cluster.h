/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.h - what the master asks of the side of it that knows chunkservers: who lives, where
 * replicas go, grants told and revoked. A table of functions, so that the namespace is tested by
 * itself. gfs_cluster implements it (cluster.c); a master with none has names alone.
 */
#ifndef GFS_MASTER_CLUSTER_H
#define GFS_MASTER_CLUSTER_H

#include "gfs/common/gfs.rpc.h"
#include "gfs/master/machine.h"

struct gfs_master;

/* All are called on the loop; what may wait is called from tasks. */
struct gfs_cluster_operations {
	/* Sets master->cluster. The log is open, nothing is applied yet but a checkpoint; the
	 * service Cluster is added to master->rpc here. */
	int (*new)(struct gfs_master *master, struct gw_error *error);
	/* Ends its tasks. Waits. The log is still there, the RPC server and its handlers are gone.
	 * Also when new has failed. */
	void (*free)(struct gfs_master *master);

	/* Follow the state, with no wait (machine.h). */
	void (*applied)(struct gfs_master *master, const struct gfs_record *record,
			const struct gfs_done *done, int code);
	void (*freed)(struct gfs_master *master, uint32_t slot);
	void (*restored)(struct gfs_master *master);

	/* Of one task, never two at a time. This master leads under master->term, and has applied
	 * all that was committed before; it does no more; while it leads, each GFS_TICK_MS. */
	void (*began)(struct gfs_master *master);
	void (*ended)(struct gfs_master *master);
	void (*tick)(struct gfs_master *master);

	/* Servers for a new chunk with so many replicas, the primary first, and its incarnation.
	 * GW_E_UNREACHABLE: fewer than may be granted, or safe mode has not seen them. */
	int (*choose)(struct gfs_master *master, uint8_t goal, uint8_t chunk_log2,
		      struct gfs_set *set, uint64_t *incarnation, struct gw_error *error);
	/* A grant is in the log: tells its servers. Waits until it holds, if need be under a higher
	 * version without those that do not answer. */
	int (*tell)(struct gfs_master *master, uint64_t handle, uint8_t chunk_log2,
		    uint64_t deadline_ns, struct gw_error *error);
	/* Ends the grant of a chunk, if there is one, and logs that. Waits for the primary, or for
	 * its lease's end. One that nobody has is made first, if it never was. */
	int (*revoke)(struct gfs_master *master, uint64_t handle, uint8_t chunk_log2,
		      uint64_t deadline_ns, struct gw_error *error);
	/* A chunk of a file was asked for, and nobody has it. */
	void (*missing)(struct gfs_master *master, uint32_t slot, uint8_t chunk_log2);
	/* Whether a server lives, as far as this master has heard. */
	bool (*lives)(const struct gfs_master *master, uint32_t server);
	/* Fills in what it knows: safe, chunks_missing, chunks_short, servers. */
	void (*status)(const struct gfs_master *master, Gfs__StatusReply *reply);

	/* Handlers of the service Master. Without a master that leads they answer
	 * gfs_master_elsewhere. */
	int (*serve_lease)(struct gw_rpc_call *call, struct gfs_master *master,
			   const Gfs__LeaseRequest *request, Gfs__LeaseReply *reply,
			   struct gw_error *error);
	int (*serve_add_chunk)(struct gw_rpc_call *call, struct gfs_master *master,
			       const Gfs__LeaseRequest *request, Gfs__LeaseReply *reply,
			       struct gw_error *error);
	int (*serve_servers)(struct gw_rpc_call *call, struct gfs_master *master,
			     const Gfs__ServersRequest *request, Gfs__ServersReply *reply,
			     struct gw_error *error);
	int (*serve_rebalance)(struct gw_rpc_call *call, struct gfs_master *master,
			       const Gfs__RebalanceRequest *request, Gfs__RebalanceReply *reply,
			       struct gw_error *error);
};

extern const struct gfs_cluster_operations gfs_cluster;

#endif
