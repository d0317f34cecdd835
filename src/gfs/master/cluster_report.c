/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_report.c - all that a chunkserver has, in pieces. When the last one has come, replicas
 * that it did not name are its no more.
 */
#include "gfs/master/cluster_inside.h"

#include <stdlib.h>

#include "base/little_endian.h"
#include "task/loop.h"

enum { SWEEP_SLOTS = 1 << 16 }; /* looked at without letting others run */

void gfs_cluster_report_end(struct gfs_cluster_server *server)
{
	free(server->report_slots);
	server->report_slots = NULL;
	server->report_slot_count = server->report_piece = 0;
}

static int begin_report(struct gfs_master *master, struct gfs_cluster_server *server,
			struct gw_error *error)
{
	uint32_t slots = master->machine.state.chunks.slots;

	gfs_cluster_report_end(server);
	server->report_slots = calloc(slots / 8 + 1, 1);
	server->report_slot_count = slots;
	return server->report_slots ? 0
				    : gw_fail(error, GW_E_NO_MEMORY, "no memory for a report");
}

static void hear_piece(struct gfs_master *master, uint32_t number, const uint8_t *bytes,
		       size_t size)
{
	for (size_t at = 0; size - at >= GFS_REPORT_BYTES; at += GFS_REPORT_BYTES) {
		uint64_t handle = base_load64(bytes + at);
		uint32_t length = base_load32(bytes + at + 12);
		enum gfs_note note = gfs_cluster_note(master, number, handle,
						      base_load32(bytes + at + 8),
						      length & GFS_REPORT_SUSPECT);

		/* What is stale, unknown or ahead is seen to when a heartbeat tells of it. */
		if (note == GFS_NOTE_BEHIND && master->term != 0)
			gfs_cluster_tell_later(master, gfs_slot_of(handle));
	}
}

/* Takes out what it did not name. */
static int sweep(struct gfs_master *master, struct gfs_cluster_server *server, uint32_t number,
		 struct gw_error *error)
{
	const uint8_t *mine = server->report_slots;

	for (uint32_t slot = 0; slot < server->report_slot_count; slot++) {
		if (!(server->report_slots[slot / 8] >> slot % 8 & 1))
			gfs_cluster_remove(master, slot, number);
		if (slot % SWEEP_SLOTS != SWEEP_SLOTS - 1)
			continue;
		if (gw_yield() < 0)
			return GW_E_CANCELLED;
		if (server->report_slots != mine)
			return gw_fail(error, GW_E_STALE, "another report has begun");
	}
	return 0;
}

static int receive(struct gw_rpc_call *call, uint8_t **bytes, size_t *size,
		   struct gw_error *error)
{
	uint64_t announced;
	int code = gw_rpc_attachment_size(call, &announced, error);

	if (code < 0)
		return code;
	if (announced > GFS_REPORT_PIECE_BYTES_MAX || announced % GFS_REPORT_BYTES != 0)
		return gw_fail(error, GW_E_INVALID, "a piece of a report of %llu bytes",
			       (unsigned long long)announced);
	*size = (size_t)announced;
	*bytes = malloc(*size + 1);
	if (!*bytes)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a report");
	code = *size ? gw_rpc_part_receive(call, *bytes, *size, error) : 0;
	if (code >= 0 && (size_t)code == *size)
		return 0;
	free(*bytes);
	return code < 0 ? code : gw_fail(error, GW_E_TRUNCATED, "a report ended early");
}

/* Whether this is the piece that is waited for. */
static int check(struct gfs_master *master, const Gfs__ReportRequest *request,
		 struct gfs_cluster_server **out, struct gw_error *error)
{
	struct gfs_cluster_server *server = gfs_cluster_server(master, request->server);
	struct replog_state log;

	replog_state(master->log, &log);
	if (!gfs_machine_is_whole(&master->machine) || log.term != request->term || !server ||
	    server->incarnation != request->incarnation)
		return gw_fail(error, GW_E_STALE, "a report to another master, or of another life");
	if (request->piece != 0 &&
	    (!server->report_slots || server->report_piece != request->piece))
		return gw_fail(error, GW_E_STALE, "piece %u of a report is missing",
			       server->report_piece);
	*out = server;
	return 0;
}

int gfs_cluster_serve_report(struct gw_rpc_call *call, void *context,
			     const Gfs__ReportRequest *request, Gfs__Nothing *reply,
			     struct gw_error *error)
{
	struct gfs_master *master = context;
	struct gfs_cluster_server *server;
	uint8_t *bytes = NULL;
	size_t size = 0;
	int code = receive(call, &bytes, &size, error);

	(void)reply;
	if (code < 0)
		return code;
	code = check(master, request, &server, error);
	if (code == 0 && request->piece == 0)
		code = begin_report(master, server, error);
	if (code == 0) {
		server->report_piece = request->piece + 1;
		hear_piece(master, request->server, bytes, size);
	}
	free(bytes);
	if (code < 0 || !request->last)
		return code;
	code = sweep(master, server, request->server, error);
	if (code < 0)
		return code;
	server->has_reported = true;
	gfs_cluster_report_end(server);
	gfs_cluster_hurry(master->cluster);
	rpc_wake(&master->cluster->heard);
	return 0;
}
